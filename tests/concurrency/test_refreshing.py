"""Refreshing while something else happens to the same login; with controls."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from accounts import locking, tokens
from accounts import sessions as session_store
from accounts.models import RefreshToken, Session, User
from accounts.usecases import sessions
from kernel import clock
from tests.support import factories
from tests.support.concurrency import all_at_once, at_once, race
from tests.support.interleaving import log_in_around
from tests.support.login_api import (
    APP,
    EMAIL,
    PASSWORD,
    bearer,
    log_in,
    log_out,
    new_login,
    own_points,
    post,
    refresh,
)

pytestmark = pytest.mark.concurrency


def test_of_many_threads_one_trades_and_all_get_the_same_token(db_ready):
    for _ in range(5):
        token = log_in_or_sign_up()["refresh_token"]
        answers = at_once([lambda token=token: refresh(token)] * 6)
        found = {answer.json()["data"]["refresh_token"] for answer in answers}
        assert len(found) == 1
        assert len({answer.status_code for answer in answers}) == 1


def log_in_or_sign_up():
    if User.objects.filter(email=EMAIL).exists():
        return log_in().json()["meta"]
    return new_login()


@pytest.mark.control
def test_control_without_the_lock_of_the_login_there_are_two_to_go_on_with(db_ready, monkeypatch):
    monkeypatch.setattr(
        locking, "lock_session", lambda *, sid: Session.objects.filter(sid=sid).first()
    )
    monkeypatch.setattr(
        locking, "lock_active_user", lambda *, user_id: User.objects.get(pk=user_id)
    )
    token = new_login()["refresh_token"]
    together, add = threading.Barrier(2), sessions.operations.add_refresh_token

    def adding(**fields):
        together.wait(10)
        return add(**fields)

    monkeypatch.setattr(sessions.operations, "add_refresh_token", adding)
    all_at_once(lambda _: refresh(token), range(2))
    assert RefreshToken.objects.filter(used_at=None).count() == 2


def test_logging_out_beside_a_refresh_leaves_neither_login_nor_token(db_ready):
    for _ in range(6):
        meta = log_in_or_sign_up()
        refreshed, _ = race(
            lambda meta=meta: refresh(meta["refresh_token"]),
            lambda meta=meta: log_out(meta["access_token"]),
        )
        assert not Session.objects.filter(user_id__isnull=False).exists()
        assert not RefreshToken.objects.exists()
        if refreshed.status_code == 200:
            assert own_points(refreshed.json()["data"]["access_token"]).status_code == 401


def test_a_stolen_token_beside_the_owners_ends_the_login_once(db_ready, monkeypatch):
    meta = new_login()
    second = refresh(meta["refresh_token"]).json()["data"]["refresh_token"]
    RefreshToken.objects.filter(used_at__isnull=False).delete()  # used long ago
    answers = race(lambda: refresh(meta["refresh_token"]), lambda: refresh(second))
    assert answers[0].status_code == 400
    assert not Session.objects.filter(user_id__isnull=False).exists()
    assert refresh(second).status_code == 400


@pytest.fixture
def person(db_ready):
    return factories.make_user(email=EMAIL, password=PASSWORD)


def change_password(person):
    def change():
        fresh = User.objects.get(pk=person.pk)
        fresh.set_password("another-harbour-98")
        fresh.save()
        sessions.end_all(user_ids=[person.pk])

    return change


def test_a_login_by_a_password_that_changes_meanwhile_opens_nothing(person):
    answer = log_in_around(change_password(person))
    assert answer.status_code == 401
    assert "access_token" not in answer.content.decode()
    assert not Session.objects.filter(user_id=person.pk).exists()


@pytest.mark.control
def test_control_without_the_second_look_at_the_password_it_does(person, monkeypatch):
    for module in (session_store, sessions):
        monkeypatch.setattr(module, "is_opened_by", lambda data, user: True)
    answer = log_in_around(change_password(person))
    assert "access_token" in answer.json()["meta"]


def test_a_login_beside_a_demotion_carries_no_rights_that_are_gone(person):
    User.objects.filter(pk=person.pk).update(is_staff=True)
    door = Group.objects.get(name="door")
    person.groups.add(door)

    def demote():
        with transaction.atomic():
            fresh = User.objects.get(pk=person.pk)
            fresh.is_staff = False
            fresh.save()
            fresh.groups.clear()
            sessions.operations.end_sessions(user_ids=[person.pk])

    answer = log_in_around(demote)
    assert answer.status_code == 200
    caller = tokens.read_access_token(answer.json()["meta"]["access_token"], now=clock.now())
    assert (caller.is_staff, caller.groups) == (False, frozenset())


def test_a_password_change_ends_the_logins_or_does_not_happen(person, monkeypatch):
    access = log_in().json()["meta"]["access_token"]

    def fail(**_):
        raise RuntimeError("killed")

    monkeypatch.setattr("accounts.adapter.operations.end_sessions", fail)
    change = {"current_password": PASSWORD, "new_password": "another-harbour-98"}
    with pytest.raises(RuntimeError):
        post("account/password/change", change, headers=bearer(access))
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert Client().get(f"{APP}/auth/session", headers=bearer(access)).status_code == 200
