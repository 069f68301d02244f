"""Fixtures of the stack's tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from stack import gateway
from stack.data_dir import default_data
from stack.engine import Engine
from stack.gateway import server
from stack.policy import Policy
from stack.process import Tools
from stack.process_registry import ProcessRegistry
from stack.service import Service
from tests.stack.entry import Api, Entry, stand_in, started
from tests.stack.support import Clock, Stage

Another = Callable[..., tuple[Api, Entry]]


@pytest.fixture
def stage(tmp_path) -> Iterator[Callable[..., Stage]]:
    """Make an engine of the given services; everything it started ends with the test."""
    made: list[Stage] = []

    def make(*services: Service, **policy: object) -> Stage:
        record = ProcessRegistry(tmp_path / "processes.json")
        engine = Engine(tmp_path, Policy(marker=tmp_path.name, **policy), record)
        engine.add(services)
        made.append(Stage(engine, Clock()))
        return made[-1]

    yield make
    for stage in made:
        for unit in stage.engine.units.values():
            unit.kill(stage.clock.now())
        stage.engine.close()


@pytest.fixture(scope="session")
def nginx() -> Path:
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    return gateway.nginx(downloads, Tools())


@pytest.fixture(scope="session")
def _entry(nginx, tmp_path_factory) -> Iterator[tuple[Api, Api, Entry]]:
    with (
        stand_in() as api,
        stand_in(in_front_of=api) as service,
        started(
            nginx,
            api,
            tmp_path_factory.mktemp("gateway"),
            service_port=service.server_address[1],
        ) as entry,
    ):
        yield api, service, entry


@pytest.fixture
def api(_entry) -> Api:
    """The stand-in behind `client`, which has forgotten other tests."""
    _entry[0].forget()
    _entry[1].forget()
    return _entry[0]


@pytest.fixture
def service(_entry, api) -> Api:
    """The stand-in for the service fastpath, which answers public statuses alone."""
    return _entry[1]


@pytest.fixture
def client(_entry, api) -> Entry:
    """A client of one gateway that all tests share; each keeps to addresses of its own."""
    return _entry[2]


@pytest.fixture
def public() -> str:
    """The address of a public status that no other test asks for."""
    return f"/api/v1/performances/{uuid4()}/queue/"


@pytest.fixture
def template(monkeypatch, tmp_path) -> Callable[..., None]:
    """Change the template of the gateways that `another` starts, at so many `places`."""

    def change(old: str, new: str, *, places: int = 1) -> None:
        text = server.TEMPLATE.read_text()
        assert text.count(old) == places
        (tmp_path / "template").write_text(text.replace(old, new))
        monkeypatch.setattr(server, "TEMPLATE", tmp_path / "template")

    return change


def _others(nginx: Path, folders: pytest.TempPathFactory, stack: ExitStack) -> Another:
    def start(**options: object) -> tuple[Api, Entry]:
        api = stack.enter_context(stand_in())
        service = stack.enter_context(stand_in(in_front_of=api))
        given = gateway.Options(**options)
        place, port = folders.mktemp("gateway"), service.server_address[1]
        entry = stack.enter_context(started(nginx, api, place, given, service_port=port))
        entry.service = service
        return api, entry

    return start


@pytest.fixture
def another(nginx, tmp_path_factory) -> Iterator[Another]:
    """Start a gateway that is configured otherwise, with a stand-in of its own."""
    with ExitStack() as stack:
        yield _others(nginx, tmp_path_factory, stack)


@pytest.fixture(scope="module")
def another_for_all(nginx, tmp_path_factory) -> Iterator[Another]:
    """The same, for all tests of a file."""
    with ExitStack() as stack:
        yield _others(nginx, tmp_path_factory, stack)
