"""Accounts on pages: the same rules as the login API, a cookie that scripts can't read."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import Session, User
from accounts.sessions import FanSessionStore
from accounts.usecases import people
from kernel import clock
from kernel.rate_limiting import throttle
from tests.pages.browsing import forms_of, send, text_of
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import EMAIL, PASSWORD, Time, code_in, log_in, own_points

HANGUL = re.compile(r"[가-힣]")
LOGIN = "/en/account/login/"


@pytest.fixture
def owner(db_ready) -> User:
    throttle.forget_callers()
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def browser(db_ready) -> Client:
    return Client(enforce_csrf_checks=True)


def enter(browser: Client, *, password: str = PASSWORD, email: str = EMAIL, next_url: str = ""):
    """Log in by the page's form."""
    page = browser.get(LOGIN, {"next": next_url} if next_url else {})
    return send(browser, forms_of(page)[0], login=email, password=password)


def token_from(browser: Client):
    """Ask for an access token as a script does."""
    csrf = browser.cookies.get("csrftoken")
    headers = {"X-CSRFToken": csrf.value} if csrf else {}
    return browser.post("/account/token/", headers=headers)


def test_sign_up_log_out_and_log_in(browser):
    page = browser.get("/en/account/signup/")
    made = send(browser, forms_of(page)[0], email=EMAIL, password1=PASSWORD)
    assert (made.status_code, made.headers["Location"]) == (302, "/en/")
    assert User.objects.get(email=EMAIL).language == "en"
    assert browser.get("/en/me/").status_code == 200
    out = send(browser, forms_of(browser.get("/en/account/logout/"))[0])
    assert out.status_code == 302
    assert browser.get("/en/me/").headers["Location"] == "/en/account/login/?next=%2Fen%2Fme%2F"
    assert enter(browser, next_url="/en/me/points/").headers["Location"] == "/en/me/points/"


def test_the_cookie_of_a_login_is_no_business_of_scripts(browser, owner):
    answer = enter(browser)
    cookie = answer.cookies[settings.FAN_SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    shown = answer.cookies[settings.LOGIN_COOKIE_NAME]
    assert shown["httponly"] == ""
    assert Session.objects.get().purpose == Session.Purpose.FAN
    out = send(browser, forms_of(browser.get("/en/account/logout/"))[0])
    assert out.cookies[settings.LOGIN_COOKIE_NAME].value == ""
    assert not Session.objects.filter(user_id=owner.pk).exists()


def test_a_login_whose_cookie_for_scripts_is_gone_gets_another(browser, owner):
    """Scripts would take the page for one without a login."""
    enter(browser)
    assert settings.LOGIN_COOKIE_NAME not in browser.get("/en/me/").cookies
    del browser.cookies[settings.LOGIN_COOKIE_NAME]
    assert browser.get("/en/me/").cookies[settings.LOGIN_COOKIE_NAME].value


def test_a_foreign_next_is_refused(browser, owner):
    for foreign in ("https://evil.example/", "//evil.example/", "/\\evil.example/"):
        answer = enter(browser, next_url=foreign)
        assert answer.headers["Location"] == "/en/"
        browser.cookies.clear()


def test_the_fan_cookie_opens_no_staff_page_and_no_session_of_the_api(browser):
    factories.make_user(email=EMAIL, password=PASSWORD, is_staff=True, is_superuser=True)
    enter(browser)
    key = browser.cookies[settings.FAN_SESSION_COOKIE_NAME].value
    for name in (settings.SESSION_COOKIE_NAME, settings.FAN_SESSION_COOKIE_NAME):
        other = Client()
        other.cookies[name] = key
        assert other.get("/admin/").status_code == 302
    session = Client().get("/_allauth/app/v1/auth/session", headers={"X-Session-Token": key})
    assert session.status_code == 410


def test_a_staff_cookie_and_a_session_token_open_no_page_of_a_fan(owner):
    token = log_in().json()["meta"]["session_token"]
    for name in (settings.SESSION_COOKIE_NAME, settings.FAN_SESSION_COOKIE_NAME):
        other = Client()
        other.cookies[name] = token
        assert other.get("/en/me/").status_code == 302


def test_a_script_gets_a_token_that_opens_the_api(browser, owner):
    enter(browser)
    answer = token_from(browser)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == settings.ACCESS_TOKEN_SECONDS
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert own_points(answer.json()["access_token"]).status_code == 200


def test_a_login_that_is_used_lasts(browser, owner, monkeypatch):
    time = Time(monkeypatch)
    enter(browser)
    for _ in range(3):
        time.pass_by(settings.REFRESH_TOKEN_SECONDS - 60)
        answer = token_from(browser)
        assert answer.status_code == 200
        for name in (settings.FAN_SESSION_COOKIE_NAME, settings.LOGIN_COOKIE_NAME):
            assert answer.cookies[name]["max-age"] > settings.REFRESH_TOKEN_SECONDS - 60
    time.pass_by(settings.REFRESH_TOKEN_SECONDS + 1)
    assert token_from(browser).status_code == 401
    assert browser.get("/en/me/").status_code == 302


def test_nobody_gets_a_token_without_a_login_or_the_form_token(browser, owner):
    browser.get(LOGIN)
    refused = token_from(browser)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    enter(browser)
    bare = browser.post("/account/token/")
    assert (bare.status_code, bare.json()["code"]) == (403, "csrf_failed")
    assert browser.get("/account/token/").status_code == 405


@pytest.mark.parametrize("end", ["lock out", "log out", "password"])
def test_the_end_of_a_login_ends_its_tokens_too(browser, owner, end):
    enter(browser)
    assert token_from(browser).status_code == 200
    if end == "lock out":
        boss = factories.make_user(is_staff=True)
        people.lock_out(user_ids=[owner.pk], actor_id=boss.pk, reason="a test", now=clock.now())
    elif end == "log out":
        send(browser, forms_of(browser.get("/en/account/logout/"))[0])
    else:
        form = forms_of(browser.get("/en/account/password/change/"))[0]
        new = "purple-harbour-98"
        changed = send(browser, form, oldpassword=PASSWORD, password1=new, password2=new)
        assert changed.status_code == 302, changed.text
    assert not Session.objects.filter(user_id=owner.pk).exists()
    assert token_from(browser).status_code == 401
    assert browser.get("/en/me/").status_code == 302


def test_wrong_passwords_are_counted_and_said_in_words(browser, owner, settings):
    for _ in range(10):
        page = enter(browser, password="wrong-password-1")
        assert page.status_code == 200
        assert 'class="fr-notice is-bad"' in page.text
    refused = enter(browser)  # the right one, too late
    assert refused.status_code == 200
    assert "Retry-After" in refused.headers
    assert "Too many" in text_of(refused)
    elsewhere = Client(REMOTE_ADDR="10.9.8.7")
    assert enter(elsewhere).status_code == 200  # strangers share one count for the account


def test_a_password_is_reset_by_a_code(browser, owner):
    page = browser.get("/en/account/password/reset/")
    asked = send(browser, forms_of(page)[0], email=EMAIL)
    assert asked.headers["Location"] == "/en/account/password/reset/confirm/"
    [letter] = [one for one in mail.outbox if one.to == [EMAIL]]
    page = browser.get(asked.headers["Location"])
    given = send(browser, forms_of(page)[0], code=code_in(letter))
    assert given.headers["Location"] == "/en/account/password/reset/complete/"
    page = browser.get(given.headers["Location"])
    new = "purple-harbour-98"
    done = send(browser, forms_of(page)[0], password1=new, password2=new)
    assert done.status_code == 302
    assert enter(Client(), password=new).status_code == 302


def test_an_unknown_address_gets_the_same_answer(browser, owner):
    pages = []
    for email in (EMAIL, "nobody@example.com"):
        page = browser.get("/en/account/password/reset/")
        answer = send(browser, forms_of(page)[0], email=email)
        pages.append((answer.status_code, answer.headers["Location"]))
    assert pages[0] == pages[1]


def test_where_mail_proves_an_address_sign_up_waits_for_the_code(browser, settings):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True
    page = browser.get("/ko/account/signup/")
    made = send(browser, forms_of(page)[0], email=EMAIL, password1=PASSWORD)
    assert made.headers["Location"] == "/ko/account/confirm-email/"
    assert browser.get("/ko/me/").status_code == 302
    [letter] = [one for one in mail.outbox if one.to == [EMAIL]]
    page = browser.get("/ko/account/confirm-email/")
    done = send(browser, forms_of(page)[0], code=code_in(letter))
    assert done.status_code == 302, text_of(done)
    assert EmailAddress.objects.get(email=EMAIL).verified
    assert browser.get("/ko/me/").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["login", "signup", "password/reset", "inactive", "password/reset/done"],
)
def test_account_pages_read_in_both_languages(client, db_ready, path):
    korean = text_of(client.get(f"/ko/account/{path}/"))
    english = text_of(client.get(f"/en/account/{path}/"))
    assert HANGUL.search(korean)
    assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", korean), korean
    assert HANGUL.findall(english.replace("한국어", "")) == []


def test_errors_of_forms_read_in_both_languages(client, owner):
    for language in ("ko", "en"):
        page = client.post(f"/{language}/account/login/", {"login": EMAIL, "password": "wrong-1"})
        said = text_of(page)
        if language == "ko":
            assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", said), said
        else:
            assert HANGUL.findall(said.replace("한국어", "")) == []


def test_staff_give_their_second_factor_on_pages_too(browser):
    boss = factories.make_user(email=EMAIL, password=PASSWORD, is_staff=True)
    device = Device()
    device.set_up(boss)
    first = enter(browser)
    assert first.headers["Location"].startswith("/en/account/2fa/authenticate/")
    assert token_from(browser).status_code == 401
    page = browser.get(first.headers["Location"])
    assert send(browser, forms_of(page)[0], code="000000").status_code == 200
    code = device.code()
    page = browser.get(first.headers["Location"])
    assert send(browser, forms_of(page)[0], code=code).status_code == 302
    assert token_from(browser).status_code == 200
    other = Client(enforce_csrf_checks=True)
    page = other.get(enter(other).headers["Location"])
    assert send(other, forms_of(page)[0], code=code).status_code == 200  # it counts once


@pytest.mark.parametrize("path", ["signup", "password/reset"])
def test_a_form_sent_too_often_says_when_it_may_be_sent_again(browser, settings, path):
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/m/ip", "reset_password": "1/m/ip"}
    cache.clear()
    form = forms_of(browser.get(f"/en/account/{path}/"))[0]
    for _ in range(2):
        refused = send(browser, form, email="first@example.com", password1="short")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "Refresh" not in refused.headers  # what was sent is not sent again by itself
    assert re.search(r"<p data-fr-wait>[^<]* in \d+ s\.", refused.text)


def test_what_happened_to_an_address_is_said_once(browser, owner):
    enter(browser)
    EmailAddress.objects.create(user=owner, email="second@example.com", verified=False)
    said = "An address that is not confirmed cannot be the primary one."
    path = "/en/account/email/"
    form = {"email": "second@example.com", "csrfmiddlewaretoken": csrf_of(browser)}
    asked = browser.post(path, {**form, "action_primary": ""}, follow=True)
    assert "Confirm that it is you" in text_of(asked)
    refused = browser.post(
        asked.request["PATH_INFO"],
        {**forms_of(asked)[0].fields, "password": PASSWORD},
        follow=True,
    )
    assert said in text_of(refused)
    assert said not in text_of(browser.get(path))
    form["csrfmiddlewaretoken"] = csrf_of(browser)
    removed = browser.post(path.replace("en", "ko", 1), {**form, "action_remove": ""}, follow=True)
    assert "second@example.com 주소를 삭제했습니다." in text_of(removed)


def csrf_of(browser: Client) -> str:
    return browser.cookies["csrftoken"].value


def test_messages_that_no_page_shows_are_not_stored_and_logging_out_leaves_no_session(
    browser, owner
):
    enter(browser)
    key = browser.cookies[settings.FAN_SESSION_COOKIE_NAME].value
    assert "_messages" not in FanSessionStore(key).load()
    out = send(browser, forms_of(browser.get("/en/account/logout/"))[0])
    assert out.cookies[settings.FAN_SESSION_COOKIE_NAME].value == ""
    assert not Session.objects.exists()
