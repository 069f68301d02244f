"""Addresses are confirmed and passwords reset by codes sent by mail, as in production."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from allauth.account.internal.flows import code_verification
from django.test import Client

from accounts.models import User
from kernel import clock
from tests.support import factories

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True


def post(path, body, session=None):
    headers = {"X-Session-Token": session} if session else {}
    return Client(headers=headers).post(f"{APP}/{path}", body, "application/json")


def code_in(message):
    return re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{2,})\s*$", message.body, re.MULTILINE)[1]


def test_nobody_gets_a_token_before_the_mail_was_read(mailoutbox):
    first = post("auth/signup", {"email": "new@example.com", "password": PASSWORD})
    assert first.status_code == 401
    assert "access_token" not in first.json()["meta"]
    session = first.json()["meta"]["session_token"]
    wrong = post("auth/email/verify", {"key": "WRONG1"}, session)
    assert wrong.status_code == 400
    done = post("auth/email/verify", {"key": code_in(mailoutbox[0])}, session)
    assert done.status_code == 200
    access = done.json()["meta"]["access_token"]
    points = Client().get("/api/v1/points/", headers={"Authorization": f"Bearer {access}"})
    assert points.status_code == 200


@pytest.mark.parametrize(("seconds", "counts"), [(590, True), (610, False)])
def test_a_code_counts_for_ten_minutes(mailoutbox, monkeypatch, seconds: int, counts: bool):
    first = post("auth/signup", {"email": "new@example.com", "password": PASSWORD})
    later = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(code_verification, "time", SimpleNamespace(time=later.timestamp))
    session = first.json()["meta"]["session_token"]
    done = post("auth/email/verify", {"key": code_in(mailoutbox[0])}, session)
    assert (done.status_code == 200) is counts
    assert ("access_token" in done.json().get("meta", {})) is counts


def test_signing_up_with_a_known_address_tells_its_owner_not_the_stranger(mailoutbox):
    factories.make_user(email="known@example.com", password=PASSWORD)
    stranger = post("auth/signup", {"email": "known@example.com", "password": "another-pw-123"})
    unknown = post("auth/signup", {"email": "unknown@example.com", "password": "another-pw-123"})
    assert stranger.status_code == unknown.status_code == 401
    assert stranger.json()["data"] == unknown.json()["data"]
    assert [message.to for message in mailoutbox] == [
        ["known@example.com"],
        ["unknown@example.com"],
    ]
    assert User.objects.filter(email="known@example.com").count() == 1


def test_a_forgotten_password_is_set_again_by_a_code(mailoutbox):
    factories.make_user(email="fan@example.com", password=PASSWORD)
    asked = post("auth/password/request", {"email": "fan@example.com"})
    session = asked.json()["meta"]["session_token"]
    done = post(
        "auth/password/reset",
        {"key": code_in(mailoutbox[0]), "password": "green-lantern-12"},
        session,
    )
    assert done.status_code in {200, 401}
    user = User.objects.get(email="fan@example.com")
    assert user.check_password("green-lantern-12")
