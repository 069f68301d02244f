"""Limits per route and caller, shown in headers."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.request import Request

from kernel.caller import Caller, client_ip_of
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitHeadersMiddleware
from kernel.rate_limiting.throttle import RouteThrottle


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.RATE_LIMITS = {
        "refused": "3/hour",
        "default": "5/hour",
        "hold": "2/hour",
    }
    settings.SHARED_RATE_LIMITS = set()
    settings.TRUSTED_PROXY_COUNT = 0


class _View:
    throttle_route = "default"


class _Hold:
    throttle_route = "hold"


class _ByMethod:
    throttle_route = {"POST": "hold", "PUT": None}


def request(user=None, method="get", **meta):
    made = Request(getattr(RequestFactory(), method)("/", **meta))
    made._user = user
    return made


def allowed(n, view=_View, user=None, **meta):
    return [RouteThrottle().allow_request(request(user, **meta), view()) for _ in range(n)]


def test_a_person_may_call_as_often_as_the_route_says():
    caller = Caller(user_id=uuid7())
    assert allowed(6, user=caller) == [True] * 5 + [False]


def test_people_are_counted_apart_whatever_their_address():
    for _ in range(3):
        assert allowed(2, _Hold, Caller(user_id=uuid7()), REMOTE_ADDR="10.9.9.9") == [True, True]


def test_routes_are_counted_apart():
    caller = Caller(user_id=uuid7())
    assert allowed(3, _Hold, caller) == [True, True, False]
    assert allowed(1, _View, caller) == [True]


def test_a_route_may_depend_on_the_method():
    caller = Caller(user_id=uuid7())
    assert allowed(3, _ByMethod, caller, method="post") == [True, True, False]
    assert allowed(3, _ByMethod, caller) == [True, True, True]


def test_what_a_function_counts_is_not_counted_twice():
    assert allowed(9, _ByMethod, Caller(user_id=uuid7()), method="put") == [True] * 9


def test_calls_of_nobody_were_counted_before():
    assert allowed(9) == [True] * 9


def test_who_was_refused_too_often_waits_whatever_the_route():
    caller = Caller(user_id=uuid7())
    for _ in range(3):
        throttle.charge_refusal(str(caller.user_id))
    route_throttle = RouteThrottle()
    assert route_throttle.allow_request(request(caller, method="put"), _ByMethod()) is False
    assert 1 <= route_throttle.wait() <= 1200
    assert allowed(1, user=Caller(user_id=uuid7())) == [True]


def test_a_refusal_says_when_to_come_back():
    route_throttle, caller = RouteThrottle(), Caller(user_id=uuid7())
    allowed(2, _Hold, caller)
    assert route_throttle.allow_request(request(caller), _Hold()) is False
    assert 1 <= route_throttle.wait() <= 3600


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "1.1.1.1"),
        (1, "", "1.1.1.1"),
        (1, "2.2.2.2", "2.2.2.2"),
        (1, "6.6.6.6, 2.2.2.2", "2.2.2.2"),
        (2, "6.6.6.6, 2.2.2.2, 3.3.3.3", "2.2.2.2"),
        (2, "3.3.3.3", "1.1.1.1"),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    made = RequestFactory().get("/", REMOTE_ADDR="1.1.1.1", headers=headers)
    assert client_ip_of(made) == expected


@pytest.mark.parametrize(
    ("status", "logged_in", "shown"),
    [(200, True, True), (200, False, False), (429, False, True), (429, True, True)],
)
def test_limits_are_shown_only_where_no_shared_cache_keeps_the_answer(status, logged_in, shown):
    headers = {"Authorization": "Bearer x"} if logged_in else {}

    def view(made):
        RouteThrottle().allow_request(_wrapped(made), _Hold())
        return HttpResponse(status=status)

    def _wrapped(made):
        wrapped = Request(made)
        wrapped._user = Caller(user_id=uuid7())
        return wrapped

    answer = RateLimitHeadersMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert ("RateLimit" in answer) is shown
    if shown:
        assert answer["RateLimit-Policy"] == '"hold";q=2;w=3600'
        assert answer["RateLimit"].startswith('"hold";r=1;t=')
