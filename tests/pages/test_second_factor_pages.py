"""A fan's second factor on pages: set up, used, renewed, removed, and counted when wrong."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts.models import Session, User
from kernel.rate_limiting import throttle
from tests.pages.browsing import forms_of, send, text_of
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import EMAIL, PASSWORD, Time, log_in, own_points

HANGUL = re.compile(r"[가-힣]")
LOGIN = "/en/account/login/"
HOME = "/en/account/2fa/"


@pytest.fixture
def owner(db_ready) -> User:
    throttle.forget_callers()
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def browser(owner) -> Client:
    browser = Client(enforce_csrf_checks=True)
    assert enter(browser).headers["Location"] == "/en/"
    return browser


def enter(browser):
    page = browser.get(LOGIN)
    return send(browser, forms_of(page)[0], login=EMAIL, password=PASSWORD)


def codes_in(page):
    return re.findall(r"<li><code>([^<]+)</code></li>", page.text)


def set_up(browser):
    """Set it up as a person does; return the app and the recovery codes."""
    page = browser.get(f"{HOME}set-up/")
    [secret] = re.findall(r"<code>([A-Z2-7]{16,})</code>", page.text)
    assert "<svg" in page.text
    device = Device(secret)
    done = send(browser, forms_of(page)[0], code=device.code(steps=-1))
    assert done.status_code == 200, text_of(done)
    return device, codes_in(done)


def second_step(browser, code):
    first = enter(browser)
    assert first.headers["Location"].startswith("/en/account/2fa/authenticate/")
    page = browser.get(first.headers["Location"])
    return send(browser, forms_of(page)[0], code=code)


def test_a_fan_sets_it_up_and_logs_in_by_app_and_by_recovery_code(browser, owner):
    app = log_in().json()["meta"]["access_token"]
    device, codes = set_up(browser)
    assert len(codes) == len(set(codes)) == 10
    assert own_points(app).status_code == 401  # the other logins have ended
    assert browser.get("/en/me/").status_code == 200  # this one goes on
    assert Session.objects.filter(user_id=owner.pk).count() == 1
    assert "Your second factor is on" in text_of(browser.get(HOME))
    assert [letter.to for letter in mail.outbox] == [[EMAIL]]
    assert second_step(Client(), "000000").status_code == 200
    other = Client(enforce_csrf_checks=True)
    assert second_step(other, device.code()).status_code == 302
    assert other.get("/en/me/").status_code == 200
    third = Client(enforce_csrf_checks=True)
    assert second_step(third, codes[0]).status_code == 302
    fourth = Client(enforce_csrf_checks=True)
    assert second_step(fourth, codes[0]).status_code == 200  # it counts once
    assert fourth.get("/en/me/").status_code == 302


def test_a_wrong_first_code_sets_nothing_up_and_the_picture_stays(browser, owner):
    page = browser.get(f"{HOME}set-up/")
    refused = send(browser, forms_of(page)[0], code="000000")
    assert "not right" in text_of(refused)
    secrets = [re.findall(r"<code>([A-Z2-7]{16,})</code>", one.text) for one in (page, refused)]
    assert secrets[0] == secrets[1]
    assert not Authenticator.objects.exists()


def test_new_recovery_codes_end_the_former_ones(browser, owner):
    device, codes = set_up(browser)
    page = browser.get(f"{HOME}recovery-codes/")
    renewed = codes_in(send(browser, forms_of(page)[0], code=device.code()))
    assert len(renewed) == 10
    assert not set(renewed) & set(codes)
    assert second_step(Client(), codes[1]).status_code == 200
    assert second_step(Client(), renewed[1]).status_code == 302


def test_it_is_removed_by_a_code_alone(browser, owner):
    _, codes = set_up(browser)
    form = forms_of(browser.get(f"{HOME}remove/"))[0]
    assert send(browser, form, code="000000").status_code == 200
    assert Authenticator.objects.count() == 2
    assert send(browser, form, code=codes[0]).headers["Location"] == HOME
    assert not Authenticator.objects.exists()
    assert browser.get("/en/me/").status_code == 200
    assert enter(Client()).headers["Location"] == "/en/"


def test_staff_keep_theirs(browser, owner):
    _, codes = set_up(browser)
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    refused = send(browser, forms_of(browser.get(f"{HOME}remove/"))[0], code=codes[0])
    assert refused.status_code == 403
    assert Authenticator.objects.filter(type="totp").exists()


def test_wrong_codes_are_counted_and_then_refused_unjudged(browser, owner):
    device, _ = set_up(browser)
    form = forms_of(browser.get(f"{HOME}remove/"))[0]
    for _ in range(10):
        assert "not right" in text_of(send(browser, form, code="000000"))
    refused = send(browser, form, code=device.code())  # the right one, too late
    assert "Too many" in text_of(refused)
    assert Authenticator.objects.filter(type="totp").exists()


@pytest.mark.parametrize("step", ["set-up/", "recovery-codes/", "remove/"])
def test_each_step_needs_a_recent_login(browser, monkeypatch, step):
    Time(monkeypatch).pass_by(301)
    answer = browser.get(f"{HOME}{step}")
    assert answer.headers["Location"].startswith("/en/account/reauthenticate/")


def test_the_pages_read_in_both_languages(browser):
    for step in ("", "set-up/"):
        korean = text_of(browser.get(f"/ko/account/2fa/{step}"))
        english = text_of(browser.get(f"/en/account/2fa/{step}"))
        assert HANGUL.search(korean)
        assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", korean), korean
        assert HANGUL.findall(english.replace("한국어", "")) == []
