"""Note [Cached documents]: built once, renewed when old, never missed while parts are down.

The controls take the guard away and expect the second build to be seen.
"""

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from django.db import OperationalError

from concerts.models import Concert
from kernel import clock
from kernel.caching import markers, shared
from kernel.caching.responses import Document, Rendered, document_of, encode
from kernel.db import replica
from kernel.db.replica import WalPosition
from kernel.redis import clients
from tests.support import catalogue, factories
from tests.support.catalogue import IN_PROCESS, RECIPE, await_replica, changed, marker, read


@pytest.fixture(autouse=True)
def _as_a_new_process(db_ready) -> None:
    catalogue.forget_documents()
    replica.forget_health()


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    results: list[object] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class SlowBuilder:
    """Builds that overlap if anything lets them."""

    def __init__(self) -> None:
        self.builds = 0
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def __call__(self) -> bytes:
        with self._lock:
            self.builds += 1
            number = self.builds
        self._pause.wait(0.2)  # never set: time for the others to arrive
        return b"built %d" % number


def test_a_fresh_entry_is_answered_and_an_old_one_rebuilt():
    assert read(lambda: b"first").body == b"first"
    assert read(lambda: b"second").body == b"first"
    assert read(lambda: b"third", later=31).body == b"third"


@pytest.mark.parametrize("policy", [RECIPE, IN_PROCESS])
def test_a_write_makes_the_entry_old(policy):
    factories.make_concert()
    assert read(lambda: b"before", policy=policy).body == b"before"
    changed()
    assert read(lambda: b"after", policy=policy).body == b"after"
    assert read(lambda: b"later", policy=policy).body == b"after"


def test_a_write_during_the_building_makes_what_is_built_old():
    factories.make_concert()

    def build() -> bytes:
        changed()
        return b"read before the write"

    read(build)
    assert read(lambda: b"after").body == b"after"


def test_a_builder_removes_its_own_lock_alone():
    """One that took too long: its lock has run out and is another's by now."""
    server = clients.client("cache")

    def build() -> bytes:
        server.set("fr:c:build:test:one", "another process", px=60_000)
        return b"late"

    read(build)
    assert server.get("fr:c:build:test:one") == b"another process"
    server.delete("fr:c:build:test:one")
    read(lambda: b"in time", later=31)
    assert server.get("fr:c:build:test:one") is None


@pytest.mark.control
def test_control_a_lock_removed_by_others_than_its_owner_lets_a_second_builder_in(monkeypatch):
    monkeypatch.setattr(shared, "_UNLOCK", "redis.call('DEL', KEYS[1])")
    server = clients.client("cache")

    def build() -> bytes:
        server.set("fr:c:build:test:one", "another process", px=60_000)
        return b"late"

    read(build)
    assert server.get("fr:c:build:test:one") is None


@pytest.mark.parametrize("hours", [1, -1])
def test_an_entry_from_a_host_far_off_is_not_fresh_for_longer(hours):
    factories.make_concert()
    read(lambda: b"theirs", later=hours * 3600)
    assert read(lambda: b"ours").body == b"ours"


def test_an_entry_of_another_form_is_built_again():
    clients.client("cache").set("fr:c:doc:test:one", b"{}\nsomething else")
    assert read(lambda: b"ours").body == b"ours"


def test_one_thread_builds_for_all():
    build = SlowBuilder()
    answers = in_threads(12, lambda: read(build).body)
    assert build.builds == 1
    assert set(answers) == {b"built 1"}


@pytest.mark.control
def test_without_flights_and_lock_everybody_builds(monkeypatch):
    monkeypatch.setattr(shared._single_flight, "acquire", lambda *_, **__: nullcontext(True))
    monkeypatch.setattr(
        shared, "_build_once_of_all", lambda request, older, markers: _unguarded(request)
    )
    build = SlowBuilder()
    in_threads(12, lambda: read(build).body)
    assert build.builds > 1


def _unguarded(request) -> Document:
    return document_of(shared._build(request, ()), built_at=request.now)


def test_while_another_process_builds_the_older_entry_is_answered():
    read(lambda: b"older")
    clients.client("cache").set("fr:c:build:test:one", "another process", px=5000)
    assert read(lambda: b"mine", later=31).body == b"older"


def test_without_an_older_entry_the_reader_waits_for_the_other_process():
    server = clients.client("cache")
    server.set("fr:c:build:test:one", "another process", px=5000)
    markers.write(["thing"], WalPosition("7.1", 1))
    theirs = document_of(Rendered(b"theirs", ""), built_at=clock.now(), markers=(marker(),))
    finishing = threading.Timer(0.3, lambda: server.set("fr:c:doc:test:one", encode(theirs)))
    finishing.start()
    assert read(lambda: b"mine").body == b"theirs"
    finishing.join()


def test_a_builder_that_died_is_replaced():
    clients.client("cache").set("fr:c:build:test:one", "a dead process", px=200)
    assert read(lambda: b"mine").body == b"mine"


def test_the_cache_server_away_each_process_builds_once_for_all_its_threads(parts):
    build = SlowBuilder()
    with catalogue.stopped(parts, "cache"):
        answers = in_threads(12, lambda: read(build).body)
        assert read(build, later=31).body == b"built 2"
    assert set(answers) == {b"built 1"}
    assert build.builds == 2


def test_the_cache_server_away_a_write_still_succeeds(parts):
    factories.make_concert()
    before = shared.missed._value.get()
    with catalogue.stopped(parts, "cache"):
        changed()
    assert Concert.objects.get().title_en == "touched"
    assert shared.missed._value.get() == before + 1


def test_the_catalogue_answers_without_the_cache_server(api, parts):
    factories.make_performance(seats=2)
    with catalogue.stopped(parts, "cache"):
        answer = api.get("/api/v1/concerts/")
    assert (answer.status_code, len(answer.json()["results"])) == (200, 1)


def test_the_databases_away_an_older_entry_is_answered():
    read(lambda: b"older")

    def fail() -> bytes:
        raise OperationalError("the database is unavailable")

    assert read(fail, later=31).body == b"older"
    with pytest.raises(OperationalError):
        read(fail, later=301)


def test_a_replica_that_fails_while_building_gives_way_to_the_primary():
    await_replica()
    asked: list[str] = []

    def build() -> bytes:
        asked.append(replica.current_alias())
        if asked == ["replica"]:
            raise OperationalError("conflict with recovery")
        return b"from the primary"

    assert read(build).body == b"from the primary"
    assert asked == ["replica", "default"]


def test_the_replica_stopped_the_primary_answers(api, parts):
    factories.make_performance(seats=2)
    with catalogue.stopped(parts, "replica"):
        replica.forget_health()
        assert len(api.get("/api/v1/concerts/").json()["results"]) == 1
    replica.forget_health()
