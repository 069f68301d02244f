"""Pytest plugin: start the real servers before Django reads its settings.

Loaded by `-p` in pyproject.toml, because settings are read before any conftest.py is. Runs that
name only fast tests (`_FAST`) start nothing.

FRONTROW_TEST_DATA names a folder whose servers are kept between runs; without it they live in a
temporary folder and end with the session. Of a run in several processes (`-n 2`) each has servers
of its own, and the one that only hands tests out has none.
"""

import os
import tempfile
from pathlib import Path

import pytest

from stack.testing import TestServers

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_FAST = (
    *("tests/unit", "tests/architecture", "tests/stack", "tests/acceptance", "tests/browser"),
    *("tests/delivery", "tests/drills", "tests/observability", "tests/image/test_image.py"),
    *("tests/chart", "tests/cluster", "tests/terraform"),
)


class RunningServers:
    """The servers of this session; `kafka()` starts the broker when first asked."""

    def __init__(self) -> None:
        kept = os.environ.get("FRONTROW_TEST_DATA")
        if kept and _WORKER:
            kept = f"{kept}-{_WORKER}"
        self.keep = bool(kept)
        self.data = Path(kept or tempfile.mkdtemp(prefix="frontrow-test-"))
        self.servers = TestServers(self.data, keep=self.keep)
        self._kafka = ""

    def up(self) -> None:
        os.environ.update(self.servers.up())
        os.environ["KAFKA_BOOTSTRAP_SERVERS"] = ""
        os.environ["STORAGE_URL"] = f"file://{self.data}"
        os.environ["SIGNING_KEYS_FILE"] = str(self.data / "signing-keys.json")
        os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 4)

    def kafka(self) -> str:
        if not self._kafka:
            self._kafka = self.servers.start_kafka()
        return self._kafka

    def part(self, name: str):
        return self.servers.part(name)

    def down(self) -> None:
        self.servers.down()
        if not self.keep:
            self.servers.erase()


running: RunningServers | None = None


def _needs_servers(config: pytest.Config, args: list[str]) -> bool:
    if config.known_args_namespace.help or config.known_args_namespace.version:
        return False
    if not _WORKER and getattr(config.known_args_namespace, "numprocesses", None):
        return False
    places = [arg for arg in args if not arg.startswith("-") and Path(arg.split("::")[0]).exists()]
    places = [os.path.relpath(place.split("::")[0]) for place in places]
    return not places or not all(place.startswith(_FAST) for place in places)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    global running
    if _needs_servers(early_config, args):
        running = RunningServers()
        running.up()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if running is not None:
        running.down()
