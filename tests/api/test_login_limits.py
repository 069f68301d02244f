"""Logins and sign-ups that come too often hear when to come again."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.support import factories
from tests.support.waiting import await_that

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"


def call(path, **body):
    return Client().post(f"{APP}/{path}", body, "application/json")


def login(password="wrong-password-1"):
    return call("auth/login", email="nobody@example.com", password=password)


def sign_up(number):
    return call("auth/signup", email=f"fan{number}@example.com", password=PASSWORD)


def limit(settings, **rates):
    settings.RATE_LIMITS = settings.RATE_LIMITS | rates


def test_too_many_failed_logins_from_one_client_ip_are_slowed_down(settings):
    limit(settings, login="3/minute")
    answers = [login() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429]
    assert "Retry-After" not in answers[0]
    refused = answers[-1]
    assert 15 <= int(refused["Retry-After"]) <= 20  # one more a third of a minute
    assert refused["RateLimit-Policy"] == '"login";q=3;w=60'
    assert refused["RateLimit"] == f'"login";r=0;t={refused["Retry-After"]}'


def test_so_are_sign_ups(settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "2/h/ip"}
    answers = [sign_up(number) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 3590 <= int(answers[-1]["Retry-After"]) <= 3600
    assert answers[-1]["RateLimit-Policy"] == '"signup";q=2;w=3600'
    assert User.objects.filter(email__startswith="fan").count() == 2


def test_the_wait_asked_for_is_the_wait_needed(settings):
    limit(settings, login="1/2 second")
    assert login().status_code == 400
    refused = login()
    assert refused.status_code == 429
    retry_after = int(refused["Retry-After"])
    assert 1 <= retry_after <= 2
    await_that(lambda: login().status_code == 400, "a login passes", seconds=retry_after + 0.2)


def test_the_longest_of_several_waits_is_given(settings):
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "20/m/ip,1/5m/key"}
    factories.make_user(email="fan@example.com", password=PASSWORD)
    call("auth/password/request", email="Fan@example.com")
    refused = call("auth/password/request", email="fan@Example.com")
    assert refused.status_code == 429
    assert 290 <= int(refused["Retry-After"]) <= 300
    assert refused["RateLimit-Policy"] == '"reset_password";q=1;w=300'
    assert call("auth/password/request", email="other@example.com").status_code != 429


def test_what_is_counted_by_person_tells_the_window(settings):
    settings.ACCOUNT_RATE_LIMITS = {"change_password": "1/7m/user"}
    token = sign_up(1).json()["meta"]["access_token"]

    def change():
        return Client().post(
            f"{APP}/account/password/change",
            {"current_password": "wrong-password-1", "new_password": "another-harbour-98"},
            "application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    assert change().status_code == 400
    refused = change()
    assert (refused.status_code, refused["Retry-After"]) == (429, "420")


def test_two_calls_at_once_of_which_one_has_to_wait_come_again_at_once(settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "3/m/ip"}
    # allauth counts under a lock in the cache; this is another process that has it.
    cache.set("allauth:rl:allauth.account:signup:3/60/ip:ip:127.0.0.1:lock", True, 30)
    refused = sign_up(1)
    assert (refused.status_code, refused["Retry-After"]) == (429, "1")


@pytest.mark.control
def test_control_allauth_alone_says_nothing_of_time(settings):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/m/ip"}
    settings.MIDDLEWARE = [
        name
        for name in settings.MIDDLEWARE
        if name != "accounts.api.limits.LoginRateLimitMiddleware"
    ]
    answers = [sign_up(number) for number in range(2)]
    assert answers[-1].status_code == 429
    assert "Retry-After" not in answers[-1]
