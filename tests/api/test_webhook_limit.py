"""Signed webhooks have a limit of their own; unsigned ones count by their client IP."""

from itertools import count

import pytest
from django.urls import reverse

from kernel.http import call_limits
from kernel.rate_limiting import throttle
from payments.api.webhooks import PATH
from payments.models import GatewayNotice
from tests.support.hostile import Caller, code_of

_client_ips = count(1)
_events = count(1)


@pytest.fixture(autouse=True)
def _limits(settings, db_ready, gateway):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour", "webhook": "20/hour"}
    call_limits.forget_client_ips()
    throttle.forget_callers()
    yield
    call_limits.forget_client_ips()
    throttle.forget_callers()


@pytest.fixture
def ip():
    return f"10.8.{next(_client_ips)}.1"


def send(ip, *, signed=True, body=None):
    body = body or f"event-{next(_events)} pay-unknown".encode()
    signature = f"signed {len(body)}" if signed else "forged"
    return Caller(None).send("POST", PATH, body, headers={"X-Signature": signature}, REMOTE_ADDR=ip)


def spend(ip):
    while send(ip, signed=False).status_code != 429:
        pass


def test_the_path_is_that_of_the_view():
    assert reverse("payment-webhooks") == PATH


def test_more_signed_webhooks_than_a_client_ip_may_send_are_received(ip):
    assert {send(ip).status_code for _ in range(20)} == {200}
    assert GatewayNotice.objects.count() == 20


def test_they_use_nothing_up_of_the_limit_of_the_client_ip(ip):
    for _ in range(10):
        send(ip)
    assert code_of(send(ip, signed=False)) == (401, "webhook_invalid")


def test_a_spent_client_ip_stops_unsigned_ones_and_no_signed_one(ip):
    spend(ip)
    assert send(ip).status_code == 200
    assert GatewayNotice.objects.count() == 1
    assert code_of(send(ip, signed=False)) == (429, "rate_limited")


@pytest.mark.control
def test_control_counted_as_anybodys_the_gateway_is_shut_out(ip, monkeypatch):
    monkeypatch.setattr("config.wsgi.sender_in", lambda environ: None)
    spend(ip)
    assert send(ip).status_code == 429
    assert not GatewayNotice.objects.exists()


def test_unsigned_ones_count_three_times(ip):
    assert [send(ip, signed=False).status_code for _ in range(3)] == [401, 401, 429]


def test_the_limit_of_signed_ones_says_when_to_come_again(ip):
    for _ in range(20):
        send(ip)
    refused = send(ip)
    assert code_of(refused) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit-Policy"] == '"webhook";q=20;w=3600'
    assert GatewayNotice.objects.count() == 20


@pytest.mark.parametrize("body", [b"", b"x" * 70_000, b"\xff" * 50])
def test_what_is_no_webhook_is_not_let_past_a_spent_client_ip(ip, body):
    spend(ip)
    answer = send(ip, signed=False, body=body or b" ")
    assert answer.status_code == 429
