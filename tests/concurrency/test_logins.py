"""A login and a lock-out of the same person at the same moment; with a control."""

from functools import partial

import pytest

from accounts import locking
from accounts.models import Session, User
from accounts.revocation import RevokedSessions
from accounts.usecases import people
from kernel import clock
from tests.support import factories
from tests.support.concurrency import race
from tests.support.interleaving import log_in_around
from tests.support.login_api import PASSWORD, log_in, refresh, sid_in
from tests.support.waiting import await_promised

pytestmark = pytest.mark.concurrency


@pytest.fixture
def person(db_ready):
    return factories.make_user(email="fan@example.com", password=PASSWORD)


@pytest.fixture
def boss(db_ready):
    return factories.make_user(is_staff=True)


def lock_out(person, boss):
    people.lock_out(user_ids=[person.pk], actor_id=boss.pk, reason="bot", now=clock.now())


def open_logins(person) -> int:
    return Session.objects.filter(user_id=person.pk).count()


def test_a_login_that_was_checked_before_a_lock_out_opens_nothing_after_it(person, boss):
    answer = log_in_around(partial(lock_out, person, boss))
    assert answer.status_code == 401
    assert "access_token" not in answer.content.decode()
    assert open_logins(person) == 0


@pytest.mark.control
def test_control_without_the_second_look_the_login_stays_open(person, boss, monkeypatch):
    monkeypatch.setattr(
        locking, "lock_active_user", lambda *, user_id: User.objects.get(pk=user_id)
    )
    answer = log_in_around(partial(lock_out, person, boss))
    assert "access_token" in answer.json()["meta"]
    assert open_logins(person) == 1


def test_whichever_comes_first_a_lock_out_ends_every_login(person, boss):
    revoked = RevokedSessions()
    for _ in range(8):
        *logins, _ = race(*[log_in] * 3, partial(lock_out, person, boss))
        assert open_logins(person) == 0
        for answer in logins:
            assert answer.status_code in {200, 401}
            if answer.status_code == 200:
                sid = sid_in(answer.json()["meta"]["access_token"])
                await_promised(partial(revoked.__contains__, sid), "it is revoked", seconds=2)
        people.unlock(user_ids=[person.pk], actor_id=boss.pk, reason="", now=clock.now())


def test_refreshing_and_locking_out_at_once_never_deadlock(person, boss):
    for _ in range(8):
        token = log_in().json()["meta"]["refresh_token"]
        refreshed, _ = race(partial(refresh, token), partial(lock_out, person, boss))
        assert refreshed.status_code in {200, 400}
        assert open_logins(person) == 0
        people.unlock(user_ids=[person.pk], actor_id=boss.pk, reason="", now=clock.now())
