"""Sign-up, login, refresh and logout through the real allauth endpoints."""

from pathlib import Path

import pytest
from django.test import Client

from accounts import revocation, tokens
from accounts.models import Session, User
from accounts.usecases import people
from kernel import clock
from kernel.redis.clients import breaker
from kernel.signing import keyring, keyring_file
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.login_api import APP, PASSWORD, bearer, log_in, own_points, refresh, sign_up
from tests.support.waiting import await_promised


@pytest.fixture
def rotated(settings):
    """Return a function that rotates the keys of a use and makes this process see it at once."""
    path = Path(settings.SIGNING_KEYS_FILE)
    before = path.read_text()

    def rotate(use):
        keyring_file.rotate(path, use, now=clock.now())
        keyring.forget_ring()

    yield rotate
    path.write_text(before)
    keyring.forget_ring()


def signup(email="new@example.com"):
    return sign_up(email)


def refused_within_two_seconds(access):
    def refusal():
        answer = own_points(access)
        return answer if answer.status_code == 401 else None

    refused = await_promised(refusal, "the token is refused", seconds=2)
    return refused.json()["code"] == "token_invalid"


def another_process_refuses(sid):
    """A copy of the revoked sessions as another process would have it, kept by its own thread."""
    copy = revocation.RevokedSessions()
    return await_promised(lambda: sid in copy, "another process knows", seconds=2)


def test_signing_up_answers_tokens_that_the_api_takes():
    meta = signup().json()["meta"]
    caller = tokens.read_access_token(meta["access_token"], now=clock.now())
    user = User.objects.get(email="new@example.com")
    assert caller.user_id == user.pk
    assert caller.session_id == Session.objects.get(user_id=user.pk).sid
    assert not caller.is_staff
    assert own_points(meta["access_token"]).status_code == 200


def test_an_address_is_one_account_whatever_its_case():
    assert signup("Mixed.Case@Example.com").status_code == 200
    assert signup("mixed.case@example.com").status_code in {400, 409}
    assert log_in("MIXED.case@example.COM").status_code == 200
    assert User.objects.count() == 1


def test_two_sign_ups_at_once_make_one_account():
    answers = at_once([lambda: signup("twice@example.com")] * 8)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 409}
    assert User.objects.filter(email="twice@example.com").count() == 1


def test_a_wrong_password_is_refused():
    factories.make_user(email="fan@example.com", password=PASSWORD)
    answer = log_in("fan@example.com", "wrong-password-1")
    assert answer.status_code == 400
    assert "meta" not in answer.json()


@pytest.mark.parametrize("body", ["", "[]", "{", '{"email": 1}', '{"email": {"a": 1}}', "\x00"])
def test_a_malformed_body_is_never_a_server_error(body):
    for path in ("auth/signup", "auth/login", "tokens/refresh"):
        answer = Client().post(f"{APP}/{path}", body, "application/json")
        assert answer.status_code == 400, path


def test_an_access_token_is_no_refresh_token_and_the_reverse():
    meta = signup().json()["meta"]
    assert refresh(meta["access_token"]).status_code == 400
    assert own_points(meta["refresh_token"]).json()["code"] == "token_invalid"


def test_tokens_survive_one_rotation_of_the_keys_and_not_two(rotated):
    meta = signup().json()["meta"]
    rotated("access")
    assert own_points(meta["access_token"]).status_code == 200
    renewed = refresh(meta["refresh_token"]).json()["data"]
    assert own_points(renewed["access_token"]).status_code == 200
    rotated("access")
    assert own_points(meta["access_token"]).status_code == 401
    assert own_points(renewed["access_token"]).status_code == 200


def test_logging_out_revokes_the_access_token_everywhere():
    meta = signup().json()["meta"]
    sid = tokens.read_access_token(meta["access_token"], now=clock.now()).session_id
    other = log_in("new@example.com").json()["meta"]
    answer = Client().delete(f"{APP}/auth/session", headers=bearer(meta["access_token"]))
    assert answer.status_code == 401  # allauth's word for "nobody is logged in now"
    assert refused_within_two_seconds(meta["access_token"])
    assert another_process_refuses(sid)
    assert refresh(meta["refresh_token"]).status_code == 400
    assert own_points(other["access_token"]).status_code == 200


def test_logging_out_twice_is_harmless():
    meta = signup().json()["meta"]
    url, headers = f"{APP}/auth/session", bearer(meta["access_token"])
    Client().delete(url, headers=headers)
    assert Client().delete(url, headers=headers).status_code == 410


def test_changing_the_password_ends_every_login():
    meta = signup().json()["meta"]
    other = log_in("new@example.com").json()["meta"]
    answer = Client().post(
        f"{APP}/account/password/change",
        {"current_password": PASSWORD, "new_password": "another-harbour-98"},
        "application/json",
        headers=bearer(meta["access_token"]),
    )
    assert answer.status_code == 401  # done, and logged out
    for of_login in (meta, other):
        assert refused_within_two_seconds(of_login["access_token"])
        assert refresh(of_login["refresh_token"]).status_code == 400
    assert log_in("new@example.com").status_code == 400
    assert log_in("new@example.com", "another-harbour-98").status_code == 200


def test_a_locked_out_person_can_neither_call_nor_log_in_nor_refresh():
    meta = signup().json()["meta"]
    user = User.objects.get(email="new@example.com")
    boss = factories.make_user(is_staff=True)
    people.lock_out(user_ids=[user.pk], actor_id=boss.pk, reason="bot", now=clock.now())
    assert refused_within_two_seconds(meta["access_token"])
    assert refresh(meta["refresh_token"]).status_code == 400
    assert "access_token" not in log_in("new@example.com").json().get("meta", {})
    people.unlock(user_ids=[user.pk], actor_id=boss.pk, reason="mistake", now=clock.now())
    assert log_in("new@example.com").status_code == 200


def test_logins_go_on_with_the_cache_and_lock_servers_away(parts):
    meta = signup().json()["meta"]
    user = User.objects.get(email="new@example.com")
    parts.part("cache").stop()
    parts.part("lock").stop()
    try:
        assert log_in("new@example.com").status_code == 200
        assert own_points(meta["access_token"]).status_code == 200
        Client().delete(f"{APP}/auth/session", headers=bearer(meta["access_token"]))
        assert refused_within_two_seconds(meta["access_token"])
        assert Session.objects.filter(user_id=user.pk).count() == 1
    finally:
        parts.part("cache").start()
        parts.part("lock").start()
        for role in ("cache", "lock"):
            breaker(role).reset()
    # What was ended meanwhile reaches the others once the server is back.
    sid = tokens.read_access_token(meta["access_token"], now=clock.now()).session_id
    assert another_process_refuses(sid)


def test_the_specification_is_served():
    answer = Client().get("/_allauth/openapi.json")
    assert "/_allauth/app/v1/auth/login" in answer.json()["paths"]
    assert Client().get("/_allauth/openapi.html").status_code == 200
