"""A client that calls too often gets 429, whether Redis works or not."""

import pytest

from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.redis.clients import breaker
from tests.support import catalogue, factories
from tests.support.money import CHARGES, PAYMENTS, post
from tests.support.round_trips import counted_round_trips

MONEY = {
    "pay": (PAYMENTS, {"reservation_id": str(uuid7()), "method": "POINTS"}),
    "charge": (CHARGES, {"amount": 1000}),
}


def test_too_many_requests_are_429_with_the_time_to_wait(settings, as_fan):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "2/minute"}
    client = as_fan(factories.make_user())
    answers = [client.get("/api/v1/points/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"default";q=2;w=60'
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limited"
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["RateLimit"].startswith('"default";r=0;t=')


def test_shared_limits_are_counted_in_redis_and_go_on_without_it(settings, as_fan, parts):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "2/minute"}
    settings.SHARED_RATE_LIMITS = {"default"}
    client = as_fan(factories.make_user())
    assert client.get("/api/v1/points/").status_code == 200
    parts.part("cache").stop()
    try:
        statuses = [client.get("/api/v1/points/").status_code for _ in range(3)]
    finally:
        parts.part("cache").start()
        breaker("cache").reset()
    assert statuses == [200, 200, 429]  # this process counts from nothing, and still counts


def in_new_processes(client, route: str, calls: int) -> list[bool]:
    """Call as often, each time as a process that has counted nothing yet; return who passed."""
    path, body = MONEY[route]
    passed = []
    for _ in range(calls):
        throttle.forget_callers()
        passed.append(post(client, path, body).status_code != 429)
    return passed


@pytest.mark.parametrize("route", MONEY)
def test_what_costs_money_is_counted_for_all_processes_together(settings, as_fan, fan, route):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {route: "2/hour"}
    assert in_new_processes(as_fan(fan), route, 3) == [True, True, False]


@pytest.mark.control
@pytest.mark.parametrize("route", MONEY)
def test_control_counted_alone_every_process_lets_the_limit_pass(settings, as_fan, fan, route):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {route: "2/hour"}
    settings.SHARED_RATE_LIMITS = set()
    assert in_new_processes(as_fan(fan), route, 3) == [True, True, True]


@pytest.mark.parametrize("route", MONEY)
def test_without_redis_each_process_goes_on_counting_money(settings, as_fan, fan, parts, route):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {route: "2/hour"}
    path, body = MONEY[route]
    client = as_fan(fan)
    with catalogue.stopped(parts, "cache"):
        passed = [post(client, path, body).status_code != 429 for _ in range(3)]
    assert passed == [True, True, False]


def test_many_callers_are_counted_by_one_call_each_alone(settings, db_ready):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"pay": "2/hour"}
    fans = [str(uuid7()) for _ in range(3)]
    throttle.count("pay", str(uuid7()))  # the first call loads the function
    with counted_round_trips() as trips:
        first = throttle.count_many("pay", [*fans, fans[0]])
    assert trips.redis == ["FCALL frontrow_limits_v1_count"]
    again = throttle.count_many("pay", fans)
    assert [one.wait is None for one in first] == [True] * 4
    assert [one.wait is None for one in again] == [False, True, True]
    assert again[0].wait <= 1800
