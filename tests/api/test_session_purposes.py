"""The staff pages' cookie and the login API's tokens: neither is taken for the other."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Session
from accounts.sessions import SessionStore
from kernel import clock
from tests.support import factories
from tests.support.login_api import APP, PASSWORD, Time, bearer, log_in

EMAIL = "boss@example.com"


@pytest.fixture
def boss(db_ready):
    return factories.make_user(email=EMAIL, password=PASSWORD, is_staff=True, is_superuser=True)


@pytest.fixture
def browser(boss):
    made = Client()
    form = {"username": EMAIL, "password": PASSWORD}
    assert made.post(reverse("admin:login"), form).status_code == 302
    return made


def with_cookie(settings, value):
    made = Client()
    made.cookies[settings.SESSION_COOKIE_NAME] = value
    return made


def api_session(session_token):
    return Client().get(f"{APP}/auth/session", headers={"X-Session-Token": session_token})


def test_a_session_token_opens_no_staff_page(boss, settings):
    token = log_in(EMAIL).json()["meta"]["session_token"]
    assert api_session(token).status_code == 200
    assert with_cookie(settings, token).get(reverse("admin:index")).status_code == 302
    assert api_session(token).status_code == 200  # nor does trying end it


def test_the_staff_cookie_is_no_session_token(browser, settings):
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert api_session(cookie).status_code == 410
    assert browser.get(reverse("admin:index")).status_code == 200


@pytest.mark.control
def test_control_without_the_look_at_the_purpose_the_token_is_a_staff_login(
    boss, settings, monkeypatch
):
    token = log_in(EMAIL).json()["meta"]["session_token"]
    monkeypatch.setattr(
        SessionStore, "is_open", classmethod(lambda cls, row, now: row.expire_date > now)
    )
    # Django salts the signature of the contents by the class, a guard of its own.
    monkeypatch.setattr(SessionStore, "key_salt", "django.contrib.sessions.ApiSessionStore")
    assert with_cookie(settings, token).get(reverse("admin:index")).status_code == 200


def test_a_staff_login_ends_with_the_shift_whatever_else_uses_it(browser, settings, monkeypatch):
    time = Time(monkeypatch)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    for _ in range(4):
        time.pass_by(settings.STAFF_SESSION_SECONDS / 4 - 1)
        api_session(cookie)
        assert browser.get(reverse("admin:index")).status_code == 200
        used = SessionStore(cookie)
        used["something"] = time.now.isoformat()
        used.save()
    time.pass_by(5)
    assert browser.get(reverse("admin:index")).status_code == 302


def test_the_age_is_asked_even_where_the_row_says_it_lasts(browser, settings):
    Session.objects.update(
        expire_date=clock.now() + timedelta(days=400),
        started_at=clock.now() - timedelta(seconds=settings.STAFF_SESSION_SECONDS),
    )
    assert browser.get(reverse("admin:index")).status_code == 302


def test_a_login_of_the_api_is_asked_its_age_too(boss, settings):
    meta = log_in(EMAIL).json()["meta"]
    Session.objects.update(started_at=clock.now() - timedelta(seconds=settings.LOGIN_SECONDS))
    assert api_session(meta["session_token"]).status_code == 410
    headers = bearer(meta["access_token"])
    assert Client().get(f"{APP}/auth/session", headers=headers).status_code == 410


def test_a_browser_with_the_staff_cookie_may_log_in_to_the_api_beside(browser, settings):
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    body = {"email": EMAIL, "password": PASSWORD}
    answer = browser.post(f"{APP}/auth/login", body, "application/json")
    assert answer.status_code == 200
    assert answer.json()["meta"]["session_token"] != cookie
    assert browser.get(reverse("admin:index")).status_code == 200
