"""Each code of the database server counts as what it means: busy, unavailable, or a defect."""

import threading
from contextlib import suppress

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db import transaction as django_transaction
from django.test import Client
from psycopg_pool import PoolTimeout

from accounts import queries
from events import handling
from kernel.db.failures import is_busy, is_unavailable, met_lock
from kernel.db.transaction import transaction
from kernel.http.exception_handler import handle
from payments.models import Payment
from payments.usecases.checkout import transaction as paying
from tests.support import factories
from tests.support.interleaving import InBackground
from tests.support.money import give_points, hold, new_key, pay
from tests.support.waiting import await_that

pytestmark = pytest.mark.usefixtures("db_ready")


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def failure_of(deed):
    """Return what Django raises for a deed in a transaction of a session of its own."""

    def attempt():
        with transaction():
            deed()

    error = InBackground(attempt).outcome()
    assert isinstance(error, (DatabaseError, InterfaceError, PoolTimeout)), error
    return error


def a_row():
    return f"SELECT FROM reservations_salepolicy WHERE performance_id = '{_row()}' FOR UPDATE"


def _row():
    return factories.make_performance(seats=1).pk


def lock_timeout():
    row = a_row()
    with transaction():
        run(row)
        return failure_of(lambda: run("SET LOCAL lock_timeout = '50ms'", row))


def deadlock():
    rows, both_have_one = [a_row(), a_row()], threading.Barrier(2, timeout=30)

    def lock(first, second):
        with transaction():
            run(first)
            both_have_one.wait()
            run(second)

    sides = [InBackground(lambda pair=pair: lock(*pair)) for pair in (rows, rows[::-1])]
    [error] = [found for side in sides if (found := side.outcome()) is not None]
    return error


def statement_timeout():
    return failure_of(lambda: run("SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(30)"))


def transaction_timeout():
    return failure_of(lambda: run("SET LOCAL transaction_timeout = '20ms'", "SELECT pg_sleep(30)"))


def cancelled():
    pids = []

    def wait():
        run("SET LOCAL statement_timeout = 0")
        pids.append(connection.connection.info.backend_pid)
        run("SELECT pg_sleep(30)")

    victim = InBackground(lambda: failure_of(wait))
    await_that(lambda: pids, "the session has named its process")
    await_that(lambda: _signal("pg_cancel_backend", pids[0]), "it was running")
    return victim.outcome()


def _signal(function, pid):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(pid) FROM pg_stat_activity"
            " WHERE pid = %s AND query LIKE 'SELECT pg_sleep%%'",
            [pid],
        )
        return cursor.fetchone()


def terminated():
    pids = []

    def wait():
        pids.append(connection.connection.info.backend_pid)
        run("SELECT pg_sleep(30)")

    victim = InBackground(lambda: failure_of(wait))
    await_that(lambda: pids, "the session has named its process")
    await_that(lambda: _signal("pg_terminate_backend", pids[0]), "it was running")
    return victim.outcome()


def idle_in_transaction():
    def pause():
        run("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        _await_the_end_of(connection.connection.info.backend_pid)
        run("SELECT 1")

    return failure_of(pause)


def _await_the_end_of(pid):
    """Wait, without a word on that connection, until the server has ended its session."""

    def is_gone():
        with connections["idempotency"].cursor() as cursor:
            cursor.execute("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", [pid])
            return cursor.fetchone()[0]

    await_that(is_gone, "the server ended the idle session")


def read_only():
    return failure_of(
        lambda: run("SET TRANSACTION READ ONLY", "CREATE TEMP TABLE x AS TABLE accounts_user",
                    "UPDATE accounts_user SET email = email")
    )  # fmt: skip


def serialization():
    row = a_row()

    def look_and_write():
        run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "TABLE reservations_salepolicy")
        InBackground(lambda: run("UPDATE reservations_salepolicy SET version = 9")).outcome()
        run(row)

    return failure_of(look_and_write)


def raised(code):
    """Have the server raise a code that it can't be brought to by any other means here."""

    def make():
        return failure_of(lambda: run(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{code}'; END $$"))

    make.__name__ = f"raised_{code}"
    return make


def violated():
    user = factories.make_user()
    return failure_of(
        lambda: run(f"INSERT INTO accounts_user SELECT * FROM accounts_user WHERE id = '{user.pk}'")
    )


def after_an_error():
    """Django's own refusal to go on in a transaction that has failed names what it failed with."""

    def go_on():
        with suppress(DatabaseError), django_transaction.mark_for_rollback_on_error("default"):
            run("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$")
        run("SELECT 1")

    return failure_of(go_on)


BUSY = [
    (lock_timeout, "55P03"),
    (deadlock, "40P01"),
    (statement_timeout, "57014"),
    (cancelled, "57014"),
    (transaction_timeout, "25P04"),
    (idle_in_transaction, "25P03"),
    (read_only, "25006"),
    (serialization, "40001"),
    (raised("55006"), "55006"),
    (after_an_error, None),
]
AWAY = [
    (terminated, "57P01"),
    *((raised(code), code) for code in ("57P02", "57P03", "57P05", "53100", "53200", "53300")),
    *((raised(code), code) for code in ("08006", "58030")),
]
DEFECT = [
    (violated, "23505"),
    *((raised(code), code) for code in ("23503", "23514", "22003", "42P01", "54001", "55000")),
    *((raised(code), code) for code in ("25P02", "XX000", "XX001", "P0001")),
]


@pytest.mark.parametrize(("make", "code"), BUSY, ids=lambda value: getattr(value, "__name__", ""))
def test_what_passes_is_busy(make, code):
    error = make()
    assert getattr(error.__cause__, "sqlstate", None) == code
    assert (is_busy(error), is_unavailable(error)) == (True, False)
    assert met_lock(error) == (make in (lock_timeout, deadlock, after_an_error))
    assert _answer(error) == (503, "busy", "1")
    assert handling._is_passing(error), "no dead letter"


@pytest.mark.parametrize(("make", "code"), AWAY, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_server_says_that_goes_or_has_no_room_is_away(make, code):
    error = make()
    assert error.__cause__.sqlstate == code
    assert (is_busy(error), is_unavailable(error), met_lock(error)) == (False, True, False)
    assert _answer(error) == (503, "service_unavailable", "2")
    assert handling._is_passing(error), "no dead letter"


@pytest.mark.parametrize(("make", "code"), DEFECT, ids=lambda value: getattr(value, "__name__", ""))
def test_what_would_fail_again_is_a_defect(make, code):
    error = make()
    assert error.__cause__.sqlstate == code
    assert (is_busy(error), is_unavailable(error), met_lock(error)) == (False, False, False)
    assert _answer(error) is None
    assert not handling._is_passing(error)


def test_a_lost_connection_has_no_code_and_is_away():
    def lose():
        connection.connection.close()
        run("SELECT 1")

    assert is_unavailable(failure_of(lose))


def test_the_drivers_own_errors_are_classified_alike():
    with psycopg.connect(**connection.get_connection_params() | _PLAIN) as session:
        session.execute("SET default_transaction_read_only = on")
        session.commit()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as refused:
            session.execute("UPDATE accounts_user SET email = email")
    assert is_busy(refused.value)
    assert is_busy(PoolTimeout())


_PLAIN = {"cursor_factory": None, "context": None, "prepare_threshold": None}


class _Request:
    path = "/api/v1/x/"


def _answer(error):
    response = handle(error, {"request": _Request})
    if response is None:
        return None
    return response.status_code, response.data["code"], response.headers["Retry-After"]


def test_a_payment_that_is_paused_too_long_may_be_sent_again(as_fan, fan, monkeypatch):
    """The server ends the session; the request is refused as busy, and a retry pays."""
    give_points(fan, 10**6)
    held, real, key = hold(fan, factories.make_performance(seats=2)), paying.record, new_key()

    def paused(**arguments):
        run("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        _await_the_end_of(connection.connection.info.backend_pid)
        return real(**arguments)

    monkeypatch.setattr(paying, "record", paused)
    refused = pay(as_fan(fan), held.id, key=key)
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    monkeypatch.setattr(paying, "record", real)
    assert pay(as_fan(fan), held.id, key=key).status_code == 201
    assert Payment.objects.count() == 1


def test_a_payment_on_a_primary_that_is_none_any_more_may_be_sent_again(as_fan, fan, monkeypatch):
    give_points(fan, 10**6)
    held, real = hold(fan, factories.make_performance(seats=2)), paying.record

    def demoted(**arguments):
        run("SET TRANSACTION READ ONLY")
        return real(**arguments)

    monkeypatch.setattr(paying, "record", demoted)
    refused = pay(as_fan(fan), held.id)
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert not Payment.objects.exists()


def log_in(monkeypatch, failing):
    def owner_of(_email):
        with transaction():
            failing()

    monkeypatch.setattr(queries, "owner_of", owner_of)
    return Client(raise_request_exception=False).post(
        "/_allauth/app/v1/auth/login",
        {"email": "fan@example.com", "password": "correct horse 9"},
        content_type="application/json",
    )


def too_slow():
    run("SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(30)")


def ended():
    run("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize(("failing", "code"), [(too_slow, "busy"), (ended, "service_unavailable")])
def test_a_login_meanwhile_gets_a_retry_after(monkeypatch, failing, code):
    answer = log_in(monkeypatch, failing)
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert int(answer["Retry-After"]) >= 1


def test_a_defect_in_a_login_says_nothing_of_its_inside(monkeypatch):
    answer = log_in(monkeypatch, lambda: run("SELECT nothing_like_it"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "nothing_like_it" not in answer.content.decode()


@pytest.mark.control
def test_control_where_no_view_looks_at_the_failure_a_login_is_a_defect(monkeypatch):
    monkeypatch.setattr("kernel.http.exception_handler.is_busy", lambda _: False)
    monkeypatch.setattr("kernel.http.exception_handler.is_unavailable", lambda _: False)
    assert log_in(monkeypatch, too_slow).status_code == 500
