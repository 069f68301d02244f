"""A commit without a certain reply is neither done nor failed, and money resumes by its key."""

import os
from contextlib import closing, suppress

import psycopg
import pytest
from django.db import OperationalError, connection
from psycopg_pool import ConnectionPool

from kernel.db.connection import patient_for
from kernel.db.dedicated import dedicated_connection
from kernel.db.failures import CommitUnknown, is_passing, is_unavailable, is_unknown
from kernel.db.transaction import transaction
from payments.models import Payment
from payments.usecases.checkout import transaction as paying
from tests.support import factories
from tests.support.interleaving import InBackground
from tests.support.money import balance_of, give_points, hold, new_key, pay
from tests.support.standbys import missing_standby

pytestmark = pytest.mark.usefixtures("db_ready")
PRICE = 10_000
MESSAGE = "SELECT pg_logical_emit_message(true, 'test', 'x')"  # to be committed, and no row


@pytest.fixture
def standby():
    with missing_standby() as missing:
        yield missing


def connect(seconds=30.0, **parameters):
    return patient_for(seconds).connect(
        os.environ["DATABASE_URL"], application_name="waits", **parameters
    )


# --- the wait for a standby


def committed_while_cancelled(standby, deed):
    """Return what becomes of a deed whose wait for the standby an operator cancels."""
    standby.demand()
    doing = InBackground(deed)
    standby.cancel("waits")
    outcome = doing.outcome()
    standby.forgive()
    return outcome


def test_a_cancelled_wait_for_a_standby_is_unknown(standby):
    def commit():
        with connect() as made:
            made.execute(MESSAGE)

    outcome = committed_while_cancelled(standby, commit)
    assert isinstance(outcome, CommitUnknown)
    assert is_unknown(outcome)
    assert is_passing(outcome), "the same request may succeed soon"


def test_a_statement_that_commits_by_itself_is_unknown_then(standby):
    def commit():
        with connect(autocommit=True) as made:
            made.execute(MESSAGE)

    assert isinstance(committed_while_cancelled(standby, commit), CommitUnknown)


def test_a_connection_outside_the_pool_hears_it_too(standby):
    def commit():
        with dedicated_connection(application="waits") as made:
            made.execute(MESSAGE)

    assert isinstance(committed_while_cancelled(standby, commit), CommitUnknown)


@pytest.mark.control
def test_control_an_ordinary_connection_takes_the_warning_for_done(standby):
    def commit():
        with psycopg.connect(os.environ["DATABASE_URL"], application_name="waits") as made:
            return made.execute(MESSAGE).rowcount

    assert committed_while_cancelled(standby, commit) == 1


def test_a_wait_past_the_patience_is_unknown_and_closes_the_connection(standby):
    with closing(connect(0.5)) as made:
        made.execute(MESSAGE)
        standby.demand()
        with pytest.raises(CommitUnknown, match="no response within"):
            made.commit()
        assert made.closed


# --- lost replies


def test_a_server_that_does_not_answer_a_commit_leaves_it_unknown(parts):
    with closing(connect(0.5)) as made:
        made.execute(MESSAGE)
        primary = parts.part("primary")
        primary.pause()
        try:
            with pytest.raises(CommitUnknown):
                made.commit()
        finally:
            primary.resume()


def test_a_backend_that_is_ended_leaves_the_commit_unknown():
    with connect() as made, connect(autocommit=True) as other:
        made.execute(MESSAGE)
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [made.info.backend_pid])
        with pytest.raises(CommitUnknown):
            made.commit()


def test_a_connection_that_was_lost_before_the_commit_is_no_unknown_one():
    with closing(connect()) as made:
        with suppress(psycopg.Error):
            made.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.OperationalError) as refused:
            made.commit()
    assert is_unavailable(refused.value)
    assert not is_unknown(refused.value)


def test_a_commit_that_the_server_refuses_is_no_unknown_one():
    with connect() as made:
        made.execute("CREATE TEMP TABLE one (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        made.execute("INSERT INTO one VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            made.commit()


def test_django_says_so_as_well():
    def lose():
        with transaction(), connection.cursor() as cursor:
            cursor.execute(MESSAGE)
            with connect(autocommit=True) as other:
                pid = connection.connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    outcome = InBackground(lose).outcome()
    assert isinstance(outcome, OperationalError)
    assert is_unknown(outcome)


def test_a_payment_whose_commit_is_unknown_is_found_by_its_key(as_fan, fan, monkeypatch, standby):
    give_points(fan, 10 * PRICE)
    held = hold(fan, factories.make_performance(seats=2, price=PRICE))
    key, record = new_key(), paying.record

    def record_and_wait(**arguments):
        record(**arguments)
        standby.demand()

    monkeypatch.setattr(paying, "record", record_and_wait)
    paid = InBackground(lambda: pay(as_fan(fan), held.id, key=key))
    standby.cancel("frontrow")
    standby.forgive()
    answer = paid.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    assert int(answer["Retry-After"]) >= 1
    monkeypatch.setattr(paying, "record", record)
    again = pay(as_fan(fan), held.id, key=key)
    assert again.status_code == 201
    assert again.json()["status"] == "PAID"
    assert Payment.objects.count() == 1
    assert balance_of(fan) == 8 * PRICE


# --- a server that takes no writes any more


def demoted(pool):
    """Let three connections of a pool lead to a server that has become read-only."""
    used = [pool.getconn() for _ in range(3)]
    for made in used:
        made.execute("SET default_transaction_read_only = on")
        made.commit()
    return used


def write_through(pool):
    with pool.connection() as made, made.transaction(force_rollback=True):
        made.execute("CREATE TABLE written (n int)")


@pytest.fixture
def pool():
    with ConnectionPool(
        os.environ["DATABASE_URL"], connection_class=patient_for(5), min_size=0, max_size=3
    ) as made:
        yield made


def test_the_first_read_only_answer_empties_the_pool(pool):
    for made in demoted(pool):
        pool.putconn(made)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        write_through(pool)
    for _ in range(4):
        write_through(pool)


def test_connections_in_use_are_dropped_when_they_come_back(pool):
    in_use, *idle = demoted(pool)
    for made in idle:
        pool.putconn(made)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        write_through(pool)
    assert in_use.execute("SELECT 1").fetchone() == (1,)
    pool.putconn(in_use)
    assert in_use.closed
    for _ in range(4):
        write_through(pool)


def test_the_first_lost_connection_empties_the_pool(pool):
    used = [pool.getconn() for _ in range(3)]
    pids = [made.info.backend_pid for made in used]
    for made in used:
        pool.putconn(made)
    with connect(autocommit=True) as other:
        for pid in pids:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(psycopg.OperationalError):
        write_through(pool)
    for _ in range(4):
        write_through(pool)


@pytest.mark.control
def test_control_an_ordinary_pool_hands_out_one_after_the_other():
    with ConnectionPool(os.environ["DATABASE_URL"], min_size=0, max_size=3) as ordinary:
        for made in demoted(ordinary):
            ordinary.putconn(made)
        for _ in range(3):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                write_through(ordinary)
