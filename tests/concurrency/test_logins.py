"""A login and a lock-out of the same person at the same moment; with a control."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, connections, transaction

from accounts import locking, tokens
from accounts.models import Session, User
from accounts.revocation import RevokedSessions
from accounts.usecases import people
from kernel import clock
from tests.support import factories
from tests.support.interleaving import await_a_waiting_session
from tests.support.login_api import PASSWORD, log_in, refresh
from tests.support.waiting import await_promised

pytestmark = pytest.mark.concurrency


@pytest.fixture
def person(db_ready):
    return factories.make_user(email="fan@example.com", password=PASSWORD)


@pytest.fixture
def boss(db_ready):
    return factories.make_user(is_staff=True)


def in_thread(pool: ThreadPoolExecutor, call, *arguments) -> Future:
    def closing():
        try:
            return call(*arguments)
        finally:
            connections.close_all()

    return pool.submit(closing)


def lock_out(person, boss):
    people.lock_out(user_ids=[person.pk], actor_id=boss.pk, reason="bot", now=clock.now())


def log_in_around_a_lock_out(person, boss):
    """Return the answer to a login that was checked before a lock-out and saved after it."""
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE accounts_session IN SHARE MODE")  # no session is written
            answer = in_thread(pool, log_in)
            await_a_waiting_session()  # the login has been checked and wants to write
            in_thread(pool, lock_out, person, boss).result()
        return answer.result()


def sid_in(access_token: str) -> str:
    return tokens.read_access_token(access_token, now=clock.now()).session_id


def open_logins(person) -> int:
    return Session.objects.filter(user_id=person.pk).count()


def test_a_login_that_was_checked_before_a_lock_out_opens_nothing_after_it(person, boss):
    answer = log_in_around_a_lock_out(person, boss)
    assert answer.status_code == 401
    assert "access_token" not in answer.content.decode()
    assert open_logins(person) == 0


@pytest.mark.control
def test_control_without_the_second_look_the_login_stays_open(person, boss, monkeypatch):
    monkeypatch.setattr(
        locking, "lock_active_user", lambda *, user_id: User.objects.get(pk=user_id)
    )
    answer = log_in_around_a_lock_out(person, boss)
    assert "access_token" in answer.json()["meta"]
    assert open_logins(person) == 1


def test_whichever_comes_first_a_lock_out_ends_every_login(person, boss):
    revoked = RevokedSessions()
    for _ in range(8):
        start = threading.Barrier(4)

        def at_the_barrier(call, *arguments, start=start):
            start.wait()
            return call(*arguments)

        with ThreadPoolExecutor(4) as pool:
            logins = [in_thread(pool, at_the_barrier, log_in) for _ in range(3)]
            in_thread(pool, at_the_barrier, lock_out, person, boss).result()
        assert open_logins(person) == 0
        for answer in (one.result() for one in logins):
            assert answer.status_code in {200, 401}
            if answer.status_code == 200:
                sid = sid_in(answer.json()["meta"]["access_token"])
                await_promised(partial(revoked.__contains__, sid), "it is revoked", seconds=2)
        people.unlock(user_ids=[person.pk], actor_id=boss.pk, reason="", now=clock.now())


def test_refreshing_and_locking_out_at_once_never_deadlock(person, boss):
    for _ in range(8):
        token = log_in().json()["meta"]["refresh_token"]
        start = threading.Barrier(2)

        def refreshing(start=start, token=token):
            start.wait()
            return refresh(token)

        def locking_out(start=start):
            start.wait()
            lock_out(person, boss)

        with ThreadPoolExecutor(2) as pool:
            refreshed = in_thread(pool, refreshing)
            in_thread(pool, locking_out).result()
        assert refreshed.result().status_code in {200, 400}
        assert open_logins(person) == 0
        people.unlock(user_ids=[person.pk], actor_id=boss.pk, reason="", now=clock.now())
