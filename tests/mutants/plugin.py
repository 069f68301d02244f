"""Pytest plugin of the mutation run: survey the unchanged product, or try one mutant.

The runner says what to do by the environment: MUTANTS_SURVEY names the folder a survey goes to;
MUTANTS_JOB names a JSON file {"tests": [...], "drop": {...} | null, "result": path, "note": path}.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

from kernel.redis.clients import client
from tests.mutants import databases, survey
from tests.mutants.discovery import APPS
from tests.support import database

_folder = Path(os.environ["MUTANTS_SURVEY"]) if "MUTANTS_SURVEY" in os.environ else None
_job = (
    json.loads(Path(os.environ["MUTANTS_JOB"]).read_text()) if "MUTANTS_JOB" in os.environ else None
)
_times: dict[str, float] = {}
_failed: set[str] = set()
_coverage: Coverage | None = None

if _folder is not None:  # before the product is imported: its modules' lines count too
    _coverage = Coverage(
        data_file=str(_folder / survey.COVERAGE), source=list(APPS), config_file=False
    )
    _coverage.start()


def pytest_runtest_logstart(nodeid: str) -> None:
    """Let what runs from now on count for this test."""
    if _coverage is not None:
        _coverage.switch_context(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the job's tests, in its order."""
    if _job is None:
        return
    by_name = {item.nodeid: item for item in items}
    chosen = [by_name[name] for name in _job["tests"] if name in by_name]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session")
def _prepared(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """Begin with empty tables and today's functions, whatever an earlier run left behind."""
    assert _job is not None
    note = Path(_job["note"])
    with django_db_blocker.unblock():
        for alias in ("default", "idempotency"):
            database.clean(alias)
        databases.put_back(note)
        for role in ("lock", "queue"):
            client(role).function_flush()
        if _job["drop"]:
            databases.leave_out(**_job["drop"], note=note)
    yield
    with django_db_blocker.unblock():
        for alias in ("default", "idempotency"):
            database.clean(alias)
        databases.put_back(note)


@pytest.fixture(scope="session")
def _constraints(django_db_setup: None, django_db_blocker) -> None:
    assert _folder is not None
    with django_db_blocker.unblock():
        found = databases.constraints()
    (_folder / survey.CONSTRAINTS).write_text(json.dumps(found))


@pytest.fixture(autouse=True)
def _mutation_run(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("_constraints" if _job is None else "_prepared")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Sum up a test's time; record for the runner which test noticed the mutant."""
    _times[report.nodeid] = _times.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.add(report.nodeid)
    if report.failed and _job is not None:
        Path(_job["result"]).write_text(json.dumps({"test": report.nodeid}))


def pytest_sessionfinish() -> None:
    """Keep the survey. A test that fails on the unchanged product notices nothing: left out."""
    if _folder is not None and _coverage is not None:
        _coverage.stop()
        _coverage.save()
        (_folder / survey.FAILED).write_text(json.dumps(sorted(_failed)))
        passed = {name: seconds for name, seconds in _times.items() if name not in _failed}
        (_folder / survey.TIMES).write_text(json.dumps(passed))
