"""The session of a relay: what it keeps open, the locks of its shards, and their end."""

import psycopg
import pytest
from django.db import connection

from events import relay
from events.ids import SHARDS
from kernel.db import dedicated
from kernel.db.dedicated import dedicated_connection
from tests.support.outbox import new_event, relay_all, write
from tests.support.waiting import await_that


@pytest.mark.kafka
def test_no_transaction_is_open_while_the_relay_waits_for_the_network(kafka):
    states = []

    class Watching(relay.kafka.Publisher):
        def send(self, messages):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT state FROM pg_stat_activity WHERE application_name = 'test-relay'"
                )
                states.extend(state for (state,) in cursor.fetchall())
            return super().send(messages)

    write(new_event())
    assert relay_all(Watching()) == 1
    assert states == ["idle"]


def test_a_relays_locks_end_with_its_connection():
    write(new_event())
    with (
        dedicated_connection(application="one") as one,
        dedicated_connection(application="two") as two,
    ):
        with relay._owned(one, range(SHARDS)) as mine:
            assert sorted(mine) == list(range(SHARDS))
            with relay._owned(two, range(SHARDS)) as theirs:
                assert theirs == []
            one.close()
        await_that(lambda: _free(two), "the server has noticed")


def _free(connection) -> bool:
    with relay._owned(connection, range(SHARDS)) as shards:
        return len(shards) == SHARDS


def test_the_shards_of_a_relay_that_says_nothing_are_free_again(monkeypatch):
    """A frozen process closes no connection and runs no statement: the server ends its session."""
    monkeypatch.setattr(dedicated, "SILENT_SECONDS", 1)
    with (
        dedicated_connection(application="frozen") as frozen,
        dedicated_connection(application="other") as other,
    ):
        keys = [key for (key,) in frozen.execute(relay._TAKE, [list(relay._SHARD_KEYS)])]
        assert len(keys) == SHARDS
        await_that(lambda: _free(other), "the server has ended the silent session", seconds=20)
        with pytest.raises(psycopg.OperationalError):
            frozen.execute("SELECT 1")


def test_a_silent_owner_is_ended_within_half_a_minute():
    with dedicated_connection(application="test") as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                *("idle_session_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval"),
                *("tcp_keepalives_count", "lock_timeout"),
            )
        }
    assert shown == {
        "idle_session_timeout": "25s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "lock_timeout": "3s",  # what every session has stays
    }


@pytest.mark.control
def test_control_without_the_limit_a_silent_owner_keeps_its_shards(monkeypatch):
    monkeypatch.setattr(dedicated, "SILENT_SECONDS", 0)  # PostgreSQL's word for: never
    with (
        dedicated_connection(application="frozen") as frozen,
        dedicated_connection(application="other") as other,
    ):
        frozen.execute(relay._TAKE, [list(relay._SHARD_KEYS)])
        with pytest.raises(AssertionError, match="ended"):
            await_that(lambda: _free(other), "the silent session has ended", seconds=3)
