"""What is refused in front of Django is refused as Django would (Note [Early refusals])."""

import re
from datetime import timedelta

import pytest
from django.urls import get_resolver

from accounts import revocation
from accounts.api.authentication import login_of
from kernel import clock
from kernel.http import early_refusals
from kernel.http.early_refusals import EarlyRefusals
from queueing.api.authentication import JoinTokenAuthentication
from tests.support.hostile import token_of
from tests.support.routes import routes
from tests.support.waiting_rooms import joined, make_room, place_url
from tests.support.wsgi import Twins, answer_of, bearer, environment

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
API = [one.url() for one in routes() if one.route.startswith("api/v1/")]
NOWHERE = [
    "/api/v1/nowhere/",
    "/api/v1/points",
    "/nowhere",
    "/nowhere/",
    "/wp-login.php",
    "/가/".encode().decode("latin-1"),  # as WSGI has it
]


@pytest.fixture
def twins(db_ready):
    return Twins(lambda django: EarlyRefusals(django, login_of=login_of))


def logins(fan) -> dict[str, dict[str, str]]:
    good, old = bearer(fan), token_of(fan, now=clock.now() - timedelta(hours=1))
    ended = bearer(fan, session_id="ended")
    revocation.revoke(["ended"])
    return {
        "none": {},
        "another scheme": {"HTTP_AUTHORIZATION": "Basic YTpi"},
        "made up": {"HTTP_AUTHORIZATION": "Bearer x"},
        "forged": {"HTTP_AUTHORIZATION": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")},
        "expired": {"HTTP_AUTHORIZATION": f"Bearer {old}"},
        "ended": {"HTTP_AUTHORIZATION": ended},
        "join token": {"HTTP_X_QUEUE_TOKEN": "x"},
        "no join token": {"HTTP_X_QUEUE_TOKEN": ""},
        "made up beside a join token": {
            "HTTP_AUTHORIZATION": "Bearer x",
            "HTTP_X_QUEUE_TOKEN": "x",
        },
    }


@pytest.mark.parametrize("path", API, ids=lambda path: re.sub("[0-9a-f-]{36}", "ID", path))
def test_every_address_of_the_api_answers_as_django_does(twins, fan, path):
    for method in METHODS:
        for login, headers in logins(fan).items():
            for language in ("ko", "en"):
                environ = environment(method, path, HTTP_ACCEPT_LANGUAGE=language, **headers)
                slow, fast = twins.both(environ)
                if slow.status.startswith("401"):
                    assert fast == slow, (method, login, language)


def test_a_path_that_leads_nowhere_is_answered_as_django_does(twins, fan):
    for path in NOWHERE:
        for method in METHODS:
            for headers in logins(fan).values():
                slow, fast = twins.both(environment(method, path, **headers))
                assert fast == slow, (method, path)
                assert fast.status.startswith("404")


def test_what_needs_no_login_goes_on(twins, fan):
    for path in ("/api/v1/concerts/", "/healthz/live", "/docs/errors", "/admin", "/static/x.css"):
        answer_of(twins.fast, environment("GET", path))
    assert twins.passed_on == 5


def test_so_does_who_has_a_login_and_whatever_is_unusual(twins, fan):
    points = "/api/v1/points/"
    for more in (
        {"HTTP_AUTHORIZATION": bearer(fan)},
        {"HTTP_COOKIE": "a=b"},
        {"QUERY_STRING": "a=b"},
        {"HTTP_ACCEPT": "text/html"},
        {"HTTP_HOST": "elsewhere.example"},
        {"REQUEST_METHOD": "OPTIONS"},
    ):
        answer_of(twins.fast, environment("GET", points) | more)
    assert twins.passed_on == 6


def test_nearly_every_address_of_the_api_is_spared_django(twins):
    for path in API:
        for method in METHODS:
            answer_of(twins.fast, environment(method, path))
    # What machines call takes an API key beside a login, and webhooks a signature.
    others = ("/concerts/", "/performances/", "/checkins/", "/webhook-endpoints/", "/webhooks/")
    public = {path for path in API if any(part in path for part in others)}
    assert twins.passed_on <= len(public) * len(METHODS)


def a_poll_by_token() -> dict:
    room = make_room()
    return environment("GET", place_url(room), HTTP_X_QUEUE_TOKEN=joined(room))


def test_a_poll_by_its_join_token_is_left_to_the_view(twins):
    assert answer_of(twins.fast, a_poll_by_token()).status.startswith("200")
    assert twins.passed_on == 1


@pytest.mark.control
def test_control_unaware_of_other_proofs_it_would_refuse_the_poll(twins, monkeypatch):
    monkeypatch.setattr(JoinTokenAuthentication, "is_shown_in", lambda _: False)
    assert answer_of(twins.fast, a_poll_by_token()).status.startswith("401")


@pytest.mark.control
def test_control_a_view_that_lets_nobody_in_by_itself_is_not_stood_for(twins, monkeypatch):
    match = get_resolver().resolve("/api/v1/points/")
    early_refusals._demand_of.cache_clear()
    monkeypatch.setattr(match.func.cls, "permission_classes", ())
    try:
        assert early_refusals._demand(match, "GET") is None
    finally:
        early_refusals._demand_of.cache_clear()
