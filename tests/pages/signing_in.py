"""Signing in by the provider, as a browser without scripts does it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from tests.pages.browsing import Form, forms_of, send
from tests.support.oidc_provider import RunningProvider

LOGIN, SIGNUP = "/en/account/login/", "/en/account/signup/"
HOME = "/en/account/provider/"
START = f"{HOME}login/"


def button(page: Any) -> Form:
    """Return the form that leads to the provider."""
    [found] = [form for form in forms_of(page) if form.action.endswith("/provider/login/")]
    return found


def start(browser: Client, path: str = LOGIN) -> str:
    """Press the button of a page; return where the browser is sent."""
    sent = send(browser, button(browser.get(path)))
    assert sent.status_code == 302, sent.text
    return sent.headers["Location"]


def sign_in(browser: Client, provider: RunningProvider, path: str = LOGIN) -> Any:
    """Go there and back; return the response to coming back."""
    return browser.get(provider.follow(start(browser, path)))


def reason_of(response: Any) -> str:
    """Return why a sign-in came to nothing."""
    assert response.status_code == 302
    there = urlsplit(response.headers["Location"])
    assert there.path.endswith("/account/provider/failed/"), there
    return parse_qs(there.query)["reason"][0]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
