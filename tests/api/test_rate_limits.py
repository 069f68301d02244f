"""A client that asks too often is told to slow down, whatever Redis does."""

from kernel.redis.roles import breaker
from tests.support import factories


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
