"""Stale reads and a replica that falls behind: the limit, the fall-back, its reasons."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from concerts.models import Concert
from kernel import clock
from kernel.db import replica
from kernel.db.replica import WalPosition
from tests.support import factories
from tests.support.waiting import await_that


def fallbacks(reason):
    return replica.fallbacks.labels(reason)._value.get()


def alias_now(*, after=None):
    replica.forget_health()
    with replica.stale_reads(after=after) as alias:
        return alias


def follows():
    position = replica.write_position()
    await_that(lambda: alias_now(after=position) == replica.REPLICA, "the replica follows")


@contextmanager
def applied_late(parts, delay: str) -> Iterator[None]:
    """Let the replica apply each commit only so long after it happened."""
    follows()
    with psycopg.connect(parts.servers.admin_url("replica"), autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{delay}'")
        admin.execute("SELECT pg_reload_conf()")

        def shown():
            return admin.execute("SHOW recovery_min_apply_delay").fetchone()[0]

        try:
            await_that(lambda: shown() == delay, "the replica has read its settings")
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET recovery_min_apply_delay")
            admin.execute("SELECT pg_reload_conf()")
            await_that(lambda: shown() == "0", "the replica has read its settings")
            follows()


@pytest.fixture
def concert(db_ready):
    return factories.make_concert(title_en="Old")


def rename(concert):
    Concert.objects.filter(pk=concert.pk).update(title_en="New")
    return replica.write_position()


def test_a_replica_1500_ms_behind_gives_way_and_comes_back_by_itself(concert, parts, settings):
    settings.REPLICA_MAX_LAG_SECONDS = 0.3  # far from the delay: machines stall
    with applied_late(parts, "1500ms"):
        position = rename(concert)
        # It has received the commit and doesn't apply it yet.
        before = fallbacks("lagging")
        await_that(lambda: alias_now() == "default", "the lag is noticed", seconds=1.4)
        assert fallbacks("lagging") == before + 1
        with replica.stale_reads():
            assert Concert.objects.get().title_en == "New"
        await_that(lambda: alias_now(after=position) == replica.REPLICA, "it has caught up")
        with replica.stale_reads(after=position):
            assert Concert.objects.get().title_en == "New"


def test_within_the_limit_the_marker_alone_decides(concert, parts, settings):
    settings.REPLICA_MAX_LAG_SECONDS = 3600
    with applied_late(parts, "2s"):
        position = rename(concert)
        before = fallbacks("behind_marker")
        assert alias_now(after=position) == "default"
        assert fallbacks("behind_marker") == before + 1
        with replica.stale_reads(after=position):
            assert Concert.objects.get().title_en == "New"
        replica.forget_health()
        with replica.stale_reads() as alias:  # who needs nothing newer may read the old value
            assert alias == replica.REPLICA
            assert Concert.objects.get().title_en == "Old"


@pytest.mark.control
def test_control_a_position_of_before_the_commit_lets_the_old_value_through(
    concert, parts, settings
):
    settings.REPLICA_MAX_LAG_SECONDS = 3600
    with applied_late(parts, "2s"):
        too_early = replica.write_position()
        rename(concert)
        await_that(lambda: alias_now(after=too_early) == replica.REPLICA, "it is believed")
        with replica.stale_reads(after=too_early):
            assert Concert.objects.get().title_en == "Old"


def test_a_replica_that_lost_its_primary_is_not_believed(concert, parts):
    follows()
    with psycopg.connect(parts.servers.admin_url("replica"), autocommit=True) as admin:
        primary = admin.execute("SHOW primary_conninfo").fetchone()[0]

        def follow(where):
            admin.execute(
                sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(sql.Literal(where))
            )
            admin.execute("SELECT pg_reload_conf()")

        before = fallbacks("not_streaming")
        follow("host=127.0.0.1 port=1")
        try:
            await_that(lambda: alias_now() == "default", "nobody streams to it any more")
            assert fallbacks("not_streaming") > before
        finally:
            follow(primary)
    follows()


@contextmanager
def silent_link(parts) -> Iterator[None]:
    """Stop what sends the WAL: the connection stays, and nothing comes."""
    follows()
    with psycopg.connect(parts.servers.admin_url("primary"), autocommit=True) as admin:
        rows = admin.execute("SELECT pid FROM pg_stat_replication").fetchall()
    assert rows
    for (pid,) in rows:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for (pid,) in rows:
            os.kill(pid, signal.SIGCONT)
    follows()


def test_a_replica_that_hears_nothing_is_not_believed(concert, parts):
    with silent_link(parts):
        rename(concert)
        await_that(lambda: alias_now() == "default", "the last commit it knows is too old")
        assert replica.look().lag > 0
        with replica.stale_reads():
            assert Concert.objects.get().title_en == "New"


@pytest.mark.control
def test_control_received_is_replayed_and_streaming_say_nothing_then(concert, parts):
    """What was believed before; the last commit that the replica knows is what ages."""
    with silent_link(parts):
        rename(concert)
        await_that(lambda: alias_now() == "default", "the last commit it knows is too old")
        with connections["replica"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn(), status = 'streaming'"
                " FROM pg_stat_wal_receiver"
            )
            assert cursor.fetchone() == (True, True)


def test_a_replica_of_an_idle_primary_is_fresh_however_old_the_last_commit(
    concert, parts, monkeypatch
):
    follows()
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert alias_now() == replica.REPLICA
    assert replica.look().lag == 0


def test_a_position_of_another_history_is_never_reached(concert, parts):
    follows()
    history, position = replica.written()
    await_that(lambda: alias_now(after=WalPosition(history, position)) == "replica", "it follows")
    before = fallbacks("behind_marker")
    assert alias_now(after=WalPosition("1.1", 1)) == "default"
    assert fallbacks("behind_marker") == before + 1


def test_connections_to_a_replica_that_leads_by_now_are_left(concert, parts, monkeypatch):
    follows()
    reads = connections[replica.REPLICA]
    reads.close()
    reads.close_pool()
    monkeypatch.setitem(reads.settings_dict, "PORT", str(parts.part("primary").port))
    try:
        idle, used = two_connections(reads)
        assert replica.look().lag is None
        assert idle.closed
        assert used.closed
        assert reads.connection is None
    finally:
        reads.close()
        reads.close_pool()


def two_connections(reads):
    """Return an idle connection of the alias's pool, and the one in use."""
    reads.ensure_connection()
    idle = reads.pool.getconn()
    reads.pool.putconn(idle)
    return idle, reads.connection
