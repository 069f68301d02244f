"""Browsers without scripts, for pages that the server renders."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client

from accounts import oidc
from accounts.models import User
from accounts.oidc_calls import provider_http
from accounts.sessions import FanSessionStore
from kernel.rate_limiting import throttle
from tests.support.oidc_provider import RunningProvider, running_provider


def logged_in(user: User) -> Client:
    """Return a browser with a login of fans' pages."""
    session = FanSessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    browser = Client()
    browser.cookies[settings.FAN_SESSION_COOKIE_NAME] = session.session_key
    return browser


@pytest.fixture
def browser_of(db_ready) -> Callable[[User], Client]:
    throttle.forget_callers()
    return logged_in


@pytest.fixture(scope="module")
def provider_process() -> Iterator[RunningProvider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def provider(provider_process, settings, db_ready) -> Iterator[RunningProvider]:
    """The sign-in provider, set and as it began."""
    throttle.forget_callers()
    settings.OIDC_PROVIDER = provider_process.settings
    provider_process.tell()
    yield provider_process
    oidc.connections().close()
    provider_http.cache_clear()


@pytest.fixture
def mine(browser_of, fan) -> Client:
    """The browser of `fan`."""
    return browser_of(fan)
