"""Logins that succeed stand in the security log: whose, by which proofs, and where."""

import pytest
from django.test import Client

from tests.pages.browsing import forms_of, send
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import EMAIL, PASSWORD, call, log_in, sign_up
from tests.support.security_events import security_events
from tests.support.staff_pages import enter

LOGIN = "/en/account/login/"


@pytest.fixture
def person(db_ready):
    return factories.make_user(email=EMAIL, password=PASSWORD, is_staff=True)


def logins(recorded) -> list[tuple[str, str, str]]:
    """Whose, where and by which proofs, of each login that was recorded."""
    return [
        (event["user_id"], event["at"], event["by"])
        for event in recorded.events
        if event["event"] == "logged_in"
    ]


def test_by_the_login_api(person):
    with security_events() as recorded:
        log_in()
    assert logins(recorded) == [(str(person.pk), "api", "password")]
    assert EMAIL not in "".join(recorded.lines)
    assert recorded.events[0]["client_ip"] == "127.0.0.1"


def test_with_a_second_factor_once_both_are_given(person):
    device = Device()
    device.set_up(person, steps=-1)
    with security_events() as recorded:
        session = log_in().json()["meta"]["session_token"]
        assert logins(recorded) == []
        call("POST", "auth/2fa/authenticate", {"code": device.code()}, session=session)
    assert logins(recorded) == [(str(person.pk), "api", "password+totp")]


def test_at_the_staff_pages(person):
    device = Device()
    with security_events() as recorded:
        enter(person)
        codes = device.set_up(person)
        enter(person, codes[0])
        enter(person, "000000")
    assert logins(recorded) == [
        (str(person.pk), "staff_pages", "password"),
        (str(person.pk), "staff_pages", "password+code"),
    ]


def test_on_pages(person):
    browser = Client(enforce_csrf_checks=True)
    with security_events() as recorded:
        send(browser, forms_of(browser.get(LOGIN))[0], login=EMAIL, password="wrong-harbour-1")
        send(browser, forms_of(browser.get(LOGIN))[0], login=EMAIL, password=PASSWORD)
    assert logins(recorded) == [(str(person.pk), "pages", "password")]


def test_signing_up_is_a_login_too(db_ready):
    with security_events() as recorded:
        sign_up("new@example.com")
    ((_, at, by),) = logins(recorded)
    assert (at, by) == ("api", "sign_up")
