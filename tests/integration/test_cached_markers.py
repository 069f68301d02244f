"""Note [Cached documents]: by the markers of what it depends on, nothing is put back old.

The controls take the guard away and expect the old value to be seen.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

from concerts import store
from concerts.models import Concert
from kernel.caching import markers
from kernel.db import replica
from kernel.db.replica import WalPosition
from kernel.db.transaction import transaction
from kernel.redis import clients
from tests.support import catalogue, factories
from tests.support.catalogue import await_replica, changed, marker, read
from tests.support.waiting import await_that


@pytest.fixture(autouse=True)
def _as_a_new_process(db_ready) -> None:
    catalogue.forget_documents()
    replica.forget_health()


def test_within_one_history_a_markers_position_never_goes_back_but_the_marker_changes():
    markers.write(["thing"], WalPosition("7.1", 200))
    first = marker()
    markers.write(["thing"], WalPosition("7.1", 100))
    assert markers.parse(marker()) == WalPosition("7.1", 200)
    assert marker() != first


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (WalPosition("7.3", 100), WalPosition("7.3", 100)),  # promoted: counts from earlier
        (WalPosition("7.1", 900), WalPosition("7.2", 500)),  # late, of a primary given up
        (WalPosition("8.1", 100), WalPosition("8.1", 100)),  # restored elsewhere
    ],
)
def test_a_position_of_another_history_is_replaced_not_compared(written, kept):
    markers.write(["thing"], WalPosition("7.2", 500))
    before = marker()
    markers.write(["thing"], written)
    assert markers.parse(marker()) == kept
    assert marker() != before


def test_what_an_earlier_release_left_is_replaced():
    clients.client("cache").set("fr:c:marker:thing", "123456789")
    assert markers.parse(marker()) == replica.NOWHERE
    markers.write(["thing"], WalPosition("7.1", 5))
    assert markers.parse(marker()) == WalPosition("7.1", 5)


def test_filling_leaves_what_is_of_the_same_history():
    markers.write(["thing"], WalPosition("7.2", 500))
    before = marker()
    markers.fill(["thing"], WalPosition("7.2", 900))
    assert marker() == before
    markers.fill(["thing"], WalPosition("7.3", 100))
    assert markers.parse(marker()) == WalPosition("7.3", 100)


AFTER_A_RESTORE = 10**12  # bytes by which the markers are ahead of the primary


def test_after_a_restore_a_write_is_seen():
    factories.make_concert()
    history, position = replica.written()
    markers.write(["thing"], WalPosition(history, position + AFTER_A_RESTORE))
    assert read(lambda: b"before").body == b"before"
    changed()
    assert read(lambda: b"after").body == b"after"


@pytest.mark.control
def test_control_a_marker_that_is_only_raised_swallows_the_write(monkeypatch):
    monkeypatch.setattr(markers, "uuid7", lambda: UUID(int=0))
    factories.make_concert()
    history, position = replica.written()
    markers.write(["thing"], WalPosition(history, position + AFTER_A_RESTORE))
    assert read(lambda: b"before").body == b"before"
    changed()
    assert read(lambda: b"after").body == b"before"


def test_after_a_promotion_the_first_rebuild_mends_the_marker_and_the_replica_is_used_again():
    await_replica()
    history, position = replica.written()
    system, timeline = history.split(".")
    markers.write(
        ["thing"], WalPosition(f"{system}.{int(timeline) - 1}", position + AFTER_A_RESTORE)
    )
    aliases: list[str] = []

    def build() -> bytes:
        aliases.append(replica.current_alias())
        return b"built"

    read(build)
    assert markers.parse(marker()).history == history
    await_replica()
    read(build, later=31)
    assert aliases[-1] == replica.REPLICA


def test_an_evicted_marker_makes_entries_old_and_is_set_from_the_primary():
    read(lambda: b"before")
    clients.client("cache").delete("fr:c:marker:thing")
    before = replica.written()
    assert read(lambda: b"after").body == b"after"
    assert markers.parse(marker()) >= before


@contextmanager
def replay_paused(parts) -> Iterator[None]:
    """Stop the replica from replaying, once it has everything written so far."""
    await_replica()
    with psycopg.connect(parts.servers.admin_url("replica"), autocommit=True) as connection:

        def ask(sql: str) -> object:
            row = connection.execute(sql).fetchone()
            return row and row[0]

        ask("SELECT pg_wal_replay_pause()")
        try:
            await_that(
                lambda: ask("SELECT pg_get_wal_replay_pause_state()") == "paused", "it pauses"
            )
            replica.forget_health()
            yield
        finally:
            ask("SELECT pg_wal_replay_resume()")


def titles(api) -> list[str]:
    results = api.get("/api/v1/concerts/", headers={"accept-language": "en"}).json()["results"]
    return [concert["title"] for concert in results]


def rename(api, parts, settings, drop: Callable[[int], None] | None) -> list[str]:
    """Rename a concert while the replica stands still; return what the list then shows."""
    settings.REPLICA_MAX_LAG_SECONDS = 3600  # the marker alone is on trial, not the lag
    concert = factories.make_concert(title_en="Old")
    assert titles(api) == ["Old"]
    before = await_replica()
    with replay_paused(parts):
        with transaction():
            Concert.objects.filter(pk=concert.pk).update(title_en="New")
            if drop is None:
                store.catalogue_changed()
        if drop is not None:
            drop(before)
        return titles(api)


def test_a_replica_behind_the_write_does_not_put_the_old_value_back(api, parts, settings):
    assert rename(api, parts, settings, None) == ["New"]


def _drop_entries() -> None:
    server = clients.client("cache")
    for key in server.scan_iter("fr:c:doc:*"):
        server.delete(key)


def _marker_of_before_the_commit(position: int) -> None:
    markers.write([store.CATALOGUE], WalPosition(replica.written().history, position))
    _drop_entries()


def _no_marker(position: int) -> None:
    _drop_entries()


@pytest.mark.control
@pytest.mark.parametrize("drop", [_marker_of_before_the_commit, _no_marker])
def test_without_the_marker_of_the_write_the_old_value_is_cached_again(api, parts, settings, drop):
    assert rename(api, parts, settings, drop) == ["Old"]
