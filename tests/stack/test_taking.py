"""Variables that are exchanged while the stack runs: who starts next has them."""

import pytest

from stack.application import Program
from stack.errors import StackError
from stack.topology import Plan
from tests.stack.support import Script

OLD = {"DATABASE_URL": "postgresql://old@db/frontrow", "SECRET_KEY": "kept"}
NEW = {"DATABASE_URL": "postgresql://new@db/frontrow"}


def program(name: str, environment: dict[str, str]) -> Program:
    return Program(name, name, ("sleep", "1"), environment)


def test_what_is_started_next_has_the_variable_and_what_runs_keeps_its_own():
    one = program("api", OLD)
    running = one.command()
    assert one.take(NEW)
    assert running.environment["DATABASE_URL"] == OLD["DATABASE_URL"]
    assert one.command().environment["DATABASE_URL"] == NEW["DATABASE_URL"]
    assert one.command().environment["SECRET_KEY"] == "kept"


def test_who_never_had_the_variable_does_not_get_it():
    stream = program("stream", {"STREAM_SOURCE_URL": "http://gateway"})
    assert not stream.take(NEW)
    assert "DATABASE_URL" not in stream.command().environment


def test_a_plan_names_the_parts_to_restart_once_each():
    services = [
        Script("primary"),
        program("api", OLD),
        Program("worker-relay", "workers", ("sleep", "1"), OLD),
        Program("worker-general", "workers", ("sleep", "1"), OLD),
        program("stream", {}),
    ]
    plan = Plan(services, {}, dict(OLD))
    assert plan.take(NEW) == ["api", "workers"]
    assert plan.environment == OLD | NEW


def test_a_variable_that_no_part_has_is_refused_and_nothing_changed():
    one = program("api", OLD)
    plan = Plan([one], {}, dict(OLD))
    with pytest.raises(StackError, match="no part takes DATABSE_URL"):
        plan.take({**NEW, "DATABSE_URL": "mistyped"})
    assert plan.environment == OLD
    assert one.command().environment["DATABASE_URL"] == OLD["DATABASE_URL"]
