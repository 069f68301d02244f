"""Fixtures of the stack's tests."""

from collections.abc import Callable, Iterator

import pytest

from stack.engine import Engine
from stack.record import Record
from stack.service import Service
from stack.unit import Policy
from tests.stack.support import Clock, Stage


@pytest.fixture
def stage(tmp_path) -> Iterator[Callable[..., Stage]]:
    """Make an engine of the given services; everything it started ends with the test."""
    made: list[Stage] = []

    def make(*services: Service, **policy: object) -> Stage:
        record = Record(tmp_path / "processes.json")
        engine = Engine(tmp_path, Policy(marker=tmp_path.name, **policy), record)
        engine.add(services)
        made.append(Stage(engine, Clock()))
        return made[-1]

    yield make
    for stage in made:
        for unit in stage.engine.units.values():
            unit.kill(stage.clock.now())
        stage.engine.close()
