"""Every event has a schema in docs/events, and no test sees one that doesn't follow it."""

import ast
import re

import pytest

from events import topics
from events.operations import NewEvent
from kernel.ids import uuid7
from tests.architecture.test_code_rules import product_sources
from tests.support.event_schemas import SCHEMAS, validator_of

NAME = re.compile(r"(reservation|payment|points|performance)\.[a-z]+")
PING = "webhook.ping"  # goes to endpoints and into no topic


def types_in_code() -> set[str]:
    """The types that the apps' event builders name."""
    return {
        node.value
        for name, tree in product_sources()
        if re.fullmatch(r"\w+/events\.py", name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and NAME.fullmatch(node.value)
    }


def test_each_type_has_a_schema_and_each_schema_a_type():
    assert types_in_code() | {PING} == {path.stem for path in SCHEMAS.glob("*.json")}
    assert len(types_in_code()) >= 7


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_valid_and_names_its_type_and_topic(path):
    schema = validator_of(path.stem).schema
    assert schema["title"] == path.stem
    topic = re.search(rf"event {path.stem} \((?:no topic|topic (\S+))\)", schema["description"])[1]
    assert topic is None if path.stem == PING else topic in topics.ALL
    assert set(schema["required"]) <= set(schema["properties"])


@pytest.mark.control
def test_an_event_that_breaks_its_schema_is_seen_wherever_it_is_made():
    for type_, data, complaint in (
        ("points.spent", {"transfer_id": "no id"}, "required"),
        ("points.unknown", {}, "no schema"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            NewEvent(topics.POINTS, type_, "/frontrow/points", uuid7(), data)
