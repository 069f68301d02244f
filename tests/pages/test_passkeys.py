"""Passkeys on pages: added, used in place of a code, removed; what is none opens nothing."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.usecases import passkeys
from kernel import clock
from kernel.rate_limiting import throttle
from tests.pages.browsing import forms_of, send, text_of
from tests.pages.test_second_factor_pages import set_up
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import EMAIL, PASSWORD, Time
from tests.support.passkeys import PasskeyDevice

LOGIN = "/en/account/login/"
HOME = "/en/account/2fa/passkeys/"


def a_browser() -> Client:
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost")


@pytest.fixture
def owner(db_ready) -> User:
    throttle.forget_callers()
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def browser(owner) -> Client:
    browser = a_browser()
    assert enter(browser).headers["Location"] == "/en/"
    return browser


@pytest.fixture
def app(browser) -> Device:
    device, _ = set_up(browser)
    mail.outbox.clear()
    return device


def enter(browser, email=EMAIL):
    return send(browser, forms_of(browser.get(LOGIN))[0], login=email, password=PASSWORD)


def options_of(page):
    [found] = re.findall(r'<script id="fr-passkey"[^>]*>(.*?)</script>', page.text)
    return json.loads(found)


def form_of(page):
    [form] = [form for form in forms_of(page) if "credential" in form.fields]
    return form


def add(browser, device, name="My phone"):
    page = browser.get(HOME)
    return send(browser, form_of(page), credential=device.create(options_of(page)), name=name)


def second_step(browser, device):
    """Log in by password and passkey; return the answer to the passkey."""
    page = browser.get(enter(browser).headers["Location"])
    return send(browser, form_of(page), credential=device.get(options_of(page)))


def is_in(browser):
    return browser.get("/en/me/").status_code == 200


def test_a_passkey_takes_the_place_of_a_code(browser, app):
    device = PasskeyDevice()
    assert add(browser, device).headers["Location"] == HOME
    assert "My phone" in text_of(browser.get(HOME))
    assert [letter.to for letter in mail.outbox] == [[EMAIL]]
    other = a_browser()
    assert second_step(other, device).status_code == 302
    assert is_in(other)
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None


def test_codes_go_on_working_and_a_login_without_passkeys_asks_for_none(browser, app):
    page = a_browser()
    asked = page.get(enter(page).headers["Location"])
    assert "fr-passkey" not in asked.text
    add(browser, PasskeyDevice())
    other = a_browser()
    asked = other.get(enter(other).headers["Location"])
    assert send(other, forms_of(asked)[0], code=app.code()).status_code == 302
    assert is_in(other)


@pytest.mark.parametrize(
    "device",
    [
        PasskeyDevice(),  # a key that nobody knows
        PasskeyDevice(origin="https://elsewhere.example"),
        PasskeyDevice(rp_id="elsewhere.example"),
    ],
)
def test_another_key_or_another_site_opens_nothing(browser, app, device):
    mine = PasskeyDevice()
    add(browser, mine)
    if device.origin != mine.origin or device.rp_id != mine.rp_id:
        device.key_id, device.key = mine.key_id, mine.key
    stranger = a_browser()
    assert "not accepted" in text_of(second_step(stranger, device))
    assert not is_in(stranger)


def test_a_passkey_of_another_person_opens_nothing(browser, app):
    add(browser, PasskeyDevice())
    other = factories.make_user(email="other@example.com", password=PASSWORD)
    theirs = a_browser()
    enter(theirs, "other@example.com")
    set_up(theirs)
    device = PasskeyDevice()
    add(theirs, device)
    assert Authenticator.objects.filter(user=other, type="webauthn").exists()
    stranger = a_browser()
    assert second_step(stranger, device).status_code == 200
    assert not is_in(stranger)


def test_an_answer_opens_one_login_only(browser, app):
    device = PasskeyDevice()
    add(browser, device)
    first, second = a_browser(), a_browser()
    page = first.get(enter(first).headers["Location"])
    answer = device.get(options_of(page))
    assert send(first, form_of(page), credential=answer).status_code == 302
    page = second.get(enter(second).headers["Location"])
    assert send(second, form_of(page), credential=answer).status_code == 200
    assert not is_in(second)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "no JSON",
        "[]",
        "[" * 8000,
        "{}",
        '{"id": 1, "rawId": 2, "type": "public-key", "response": 3}',
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", '
        '"authenticatorData": "AA", "signature": "AA", "attestationObject": "AA"}}',
        '{"' + "a" * 20_000 + '": 1}',
    ],
)
def test_what_is_no_passkey_is_refused_in_words(browser, app, sent):
    page = browser.get(HOME)
    refused = send(browser, form_of(page), credential=sent, name="x")
    assert refused.status_code in (200, 400)
    assert Authenticator.objects.filter(type="webauthn").count() == 0
    add(browser, PasskeyDevice())
    other = a_browser()
    page = other.get(enter(other).headers["Location"])
    assert send(other, form_of(page), credential=sent).status_code == 200
    assert not is_in(other)


def test_wrong_passkeys_are_counted_with_wrong_codes(browser, app):
    device, stranger = PasskeyDevice(), a_browser()
    add(browser, device)
    page = stranger.get(enter(stranger).headers["Location"])
    for _ in range(10):
        send(stranger, form_of(page), credential="{}")
    page = stranger.get("/en/account/2fa/authenticate/")
    refused = send(stranger, form_of(page), credential=device.get(options_of(page)))
    assert "Too many" in text_of(refused)
    assert not is_in(stranger)


def test_a_removed_passkey_opens_nothing(browser, app):
    device = PasskeyDevice()
    add(browser, device)
    add(browser, PasskeyDevice(), name="My key")
    mine = Authenticator.objects.filter(type="webauthn").order_by("pk")[0]
    [form, *_] = [form for form in forms_of(browser.get(HOME)) if "passkey" in form.fields]
    send(browser, form, action="remove")
    assert not Authenticator.objects.filter(pk=mine.pk).exists()
    stranger = a_browser()
    assert second_step(stranger, device).status_code == 200
    assert not is_in(stranger)


def test_nobody_removes_a_passkey_of_another_person(browser, app):
    add(browser, PasskeyDevice())
    [row] = Authenticator.objects.filter(type="webauthn")
    other = factories.make_user()
    assert not passkeys.remove(user_id=other.pk, passkey_id=row.pk, now=clock.now())
    assert Authenticator.objects.filter(pk=row.pk).exists()


def test_passkeys_need_the_app_and_go_with_it(browser, app, owner):
    add(browser, PasskeyDevice())
    add(browser, PasskeyDevice(), name="My key")
    form = forms_of(browser.get("/en/account/2fa/remove/"))[0]
    send(browser, form, code=app.code())
    assert not Authenticator.objects.filter(user=owner).exists()
    assert browser.get(HOME).headers["Location"] == "/en/account/2fa/"
    with pytest.raises(passkeys.PasskeyInvalid):  # no challenge waits
        passkeys.add(user_id=owner.pk, name="x", credential={}, now=clock.now())


def test_an_account_has_ten_passkeys_at_most(browser, app, monkeypatch):
    monkeypatch.setattr(passkeys, "MOST", 1)
    assert add(browser, PasskeyDevice()).status_code == 303
    refused = add(browser, PasskeyDevice())
    assert refused.status_code == 409
    assert "no room" in text_of(refused)


def test_passkeys_need_a_recent_login(browser, app, monkeypatch):
    Time(monkeypatch).pass_by(301)
    assert browser.get(HOME).headers["Location"].startswith("/en/account/reauthenticate/")


def test_the_page_reads_in_both_languages(browser, app):
    add(browser, PasskeyDevice())
    korean = text_of(browser.get(HOME.replace("/en/", "/ko/")))
    english = text_of(browser.get(HOME))
    assert re.search(r"[가-힣]", korean)
    assert not re.findall(r"[가-힣]", english.replace("한국어", ""))
