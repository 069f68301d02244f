"""A client IP that has spent its calls: who is logged in is not shut out of the pages with it."""

from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.page_logins import login_cookie
from config.wsgi import application
from kernel import clock
from kernel.http import call_limits
from kernel.rate_limiting import throttle
from tests.pages.conftest import logged_in
from tests.support import factories
from tests.support.hostile import Environs, token_of
from tests.support.login_api import PASSWORD
from tests.support.staff_pages import enter
from tests.support.staff_roles import member

_client_ips = count(1)
ME = "/en/me/"
TOKEN = "/account/token/"


@pytest.fixture(autouse=True)
def _limits(settings, db_ready):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour", "default": "5/hour"}
    call_limits.forget_client_ips()
    throttle.forget_callers()
    yield
    call_limits.forget_client_ips()
    throttle.forget_callers()


@pytest.fixture
def client_ip() -> str:
    """A network that somebody has spent by addresses that nobody knows."""
    ip = f"10.9.{next(_client_ips)}.1"
    assert [sent(ip, "/en/nowhere/") for _ in range(3)] == ["404", "404", "429"]
    return ip


def sent(ip: str, path: str, cookies: dict[str, str] | None = None, method: str = "GET") -> str:
    """Return the status of a call through all that stands in front of Django."""
    statuses: list[Any] = []
    shown = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
    environ = Environs().generic(
        method, path, REMOTE_ADDR=ip, HTTP_HOST="testserver", HTTP_COOKIE=shown
    )
    b"".join(application(environ, lambda status, *_: statuses.append(status)))
    return str(statuses[-1])[:3]


def cookies_of(user: User, *, seconds: int = 600) -> dict[str, str]:
    session = logged_in(user).cookies[settings.FAN_SESSION_COOKIE_NAME].value
    shown = login_cookie(user.pk, seconds=seconds, now=clock.now())
    return {settings.FAN_SESSION_COOKIE_NAME: session, settings.LOGIN_COOKIE_NAME: shown}


def scanner_at_the_door() -> tuple[Client, dict[str, str]]:
    user = member("door")
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    scanner, _ = enter(user)
    return scanner, {name: morsel.value for name, morsel in scanner.cookies.items()}


def test_who_is_logged_in_reads_on_and_gets_tokens(client_ip, fan):
    cookies = cookies_of(fan)
    assert sent(client_ip, ME, cookies) == "200"
    assert sent(client_ip, TOKEN, cookies, "POST") == "403"  # it asks for the form token: not 429
    assert sent(client_ip, ME) == "429"


@pytest.mark.control
@pytest.mark.parametrize("wrong", ["forged", "1", "ended", "a session alone", "of an access token"])
def test_control_a_login_that_is_none_is_refused_with_its_network(client_ip, fan, wrong):
    cookies = cookies_of(fan, seconds=-1 if wrong == "ended" else 600)
    name = settings.LOGIN_COOKIE_NAME
    if wrong == "forged":
        kid, user, ends, mac = cookies[name].split(".")
        cookies[name] = f"{kid}.{user}.{int(ends) + 1}.{mac}"
    elif wrong == "1":
        cookies[name] = "1"
    elif wrong == "a session alone":
        del cookies[name]
    elif wrong == "of an access token":
        cookies[name] = token_of(fan)
    assert sent(client_ip, ME, cookies) == "429"


def test_the_doors_of_a_venue_are_not_shut_out_with_its_guests(client_ip):
    scanner, cookies = scanner_at_the_door()
    assert sent(client_ip, "/en/door/", cookies) == "200"
    documents = f"/door/performances/{factories.make_performance().pk}/scans/"
    assert sent(client_ip, documents, cookies, "POST") == "403"  # no form token: not 429
    scanner.post(reverse("admin:logout"))
    assert scanner.cookies[settings.STAFF_LOGIN_COOKIE_NAME].value == ""


@pytest.mark.control
def test_control_without_the_sign_of_their_login_they_are(client_ip):
    _, cookies = scanner_at_the_door()
    signs = cookies.pop(settings.STAFF_LOGIN_COOKIE_NAME)
    assert sent(client_ip, "/en/door/", cookies) == "429"
    assert sent(client_ip, "/en/door/", cookies | {settings.LOGIN_COOKIE_NAME: signs}) == "429"
    assert sent(client_ip, ME, {settings.LOGIN_COOKIE_NAME: signs}) == "429"


def test_it_counts_by_the_person_and_opens_nothing(client_ip, fan):
    shown = {settings.LOGIN_COOKIE_NAME: login_cookie(fan.pk, seconds=600, now=clock.now())}
    assert [sent(client_ip, ME, shown) for _ in range(6)] == ["302"] * 5 + ["429"]


def test_at_other_addresses_it_is_no_login(client_ip, fan):
    assert sent(client_ip, "/api/v1/concerts/", cookies_of(fan)) == "429"


def test_tokens_count_by_their_person(fan):
    browser: Client = logged_in(fan)
    answers = [browser.post(TOKEN) for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize("form", ["queue/place/", "seats/list/?section=A"])
def test_every_form_counts(fan, form):
    browser: Client = logged_in(fan)
    path = f"/en/performances/{factories.make_performance().pk}/{form}"
    answers = [browser.post(path, {"action": "leave"}).status_code for _ in range(6)]
    assert answers[-1] == 429
    assert 429 not in answers[:-1]
