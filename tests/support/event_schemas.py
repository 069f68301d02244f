"""Every event that a test makes the product record is as docs/events says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from jsonschema import Draft202012Validator

from events.operations import NewEvent

SCHEMAS = Path(settings.BASE_DIR) / "docs" / "events"


class SampleEvent(NewEvent):
    """An event with whatever data a test of the transport wants."""

    __slots__ = ()


@cache
def validator_of(type_: str) -> Draft202012Validator:
    """Return the validator of a type's data; fails where docs/events has no schema for it."""
    path = SCHEMAS / f"{type_}.json"
    assert path.exists(), f"{type_} has no schema in docs/events"
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def validate(event: NewEvent) -> None:
    """Fail unless the event's data, as it will be published, follows its schema."""
    data = json.loads(json.dumps(event.data, cls=DjangoJSONEncoder))
    faults = [error.message for error in validator_of(event.type).iter_errors(data)]
    assert not faults, f"{event.type}: {faults}"


@contextmanager
def every_event_validated() -> Iterator[None]:
    """Validate each event of the product as it is made."""
    check = NewEvent.__post_init__

    def check_and_validate(event: NewEvent) -> None:
        check(event)
        if not isinstance(event, SampleEvent):
            validate(event)

    NewEvent.__post_init__ = check_and_validate
    try:
        yield
    finally:
        NewEvent.__post_init__ = check
