"""Every call is counted by its client IP before anything of it is read (Note [Counted first])."""

import json
from itertools import count

import pytest

from config.wsgi import application as site
from kernel.http import call_limits
from kernel.http.call_limits import CallLimits
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from tests.support import factories, hostile
from tests.support.hostile import Caller, code_of, token_of

_client_ips = count(1)
application = site._application  # below the pages of refusals
LOGIN_API = "/_allauth/app/v1/"
POINTS = "/api/v1/points/"
HOLDS = "/api/v1/reservations/"
FORGED = {"Authorization": "Bearer made.up.token"}
# What anybody can send without a login, and what it costs him of a limit.
OF_NOBODY = {
    "a public list": ("GET", "/api/v1/concerts/", b"", {}, 1),
    "no token": ("GET", POINTS, b"", {}, 3),
    "a made-up token": ("GET", POINTS, b"", FORGED, 3),
    "a hold without a token": ("POST", HOLDS, b'{"x":1}', {}, 3),
    "a hold with a made-up token": ("POST", HOLDS, b'{"x":1}', FORGED, 3),
    "a join with a made-up token": (
        *("POST", f"/api/v1/performances/{uuid7()}/queue/", b"{}", FORGED),
        3,
    ),
    "the status of no waiting room": ("GET", f"/api/v1/performances/{uuid7()}/queue/", b"", {}, 3),
    "an unknown path": ("GET", "/api/v1/nowhere/", b"", {}, 3),
    "an unknown path elsewhere": ("GET", "/.well-known/x", b"", {}, 3),
    "the login API's session": ("GET", LOGIN_API + "auth/session", b"", {}, 3),
    "a login that is no JSON": ("POST", LOGIN_API + "auth/login", b"{", {}, 3),
    "a made-up refresh token": (
        *("POST", LOGIN_API + "tokens/refresh", b'{"refresh_token":"x"}', {}),
        3,
    ),
    "the keys": ("GET", "/.well-known/jwks.json", b"", {}, 1),
    "a schema of events": ("GET", "/docs/events/payment.paid.json", b"", {}, 1),
    "the codes": ("GET", "/docs/errors", b"", {}, 1),
    "a body that is too long": ("POST", HOLDS, b"x" * 70_000, {}, 3),
}


@pytest.fixture(autouse=True)
def _limits(settings, db_ready):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour", "refused": "3/hour"}
    call_limits.forget_client_ips()
    throttle.forget_callers()
    yield
    call_limits.forget_client_ips()
    throttle.forget_callers()


def client_ip() -> str:
    return f"10.7.{next(_client_ips)}.1"


def sent(call, ip, *, caller=None):
    method, url, body, headers, _ = call
    return (caller or Caller(None)).send(
        method, url, body, headers=dict(headers), REMOTE_ADDR=ip, HTTP_HOST="testserver"
    )


@pytest.mark.parametrize("what", OF_NOBODY)
def test_whatever_nobody_calls_is_counted_and_a_refusal_for_three(what, monkeypatch):
    monkeypatch.setattr(Caller, "send", _send_anything)
    call, ip = OF_NOBODY[what], client_ip()
    answers = [sent(call, ip) for _ in range(7)]
    passed = 6 // call[4]
    assert [answer.status_code == 429 for answer in answers] == [False] * passed + [True] * (
        7 - passed
    )
    refused = answers[-1]
    assert json.loads(refused.content)["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit-Policy"] == '"anonymous";q=6;w=3600'
    assert refused.headers["RateLimit"].startswith('"anonymous";r=0;t=')
    kept_by_gateways = "public" in answers[0].headers.get("Cache-Control", "")
    if answers[0].status_code >= 400 and not kept_by_gateways:
        assert answers[0].headers["RateLimit"].startswith('"anonymous";r=3;t=')
    assert sent(call, client_ip()).status_code != 429  # another client IP


_send = Caller.send


def _send_anything(self, method, url, body=b"", **options):
    """Send where answers are no problem documents too: pages, and the login API."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hostile.Answer, "check", lambda answer, _: answer)
        return _send(self, method, url, body, **options)


@pytest.mark.control
@pytest.mark.parametrize("what", OF_NOBODY)
def test_control_without_the_count_nobody_is_ever_slowed(what, monkeypatch):
    monkeypatch.setattr(Caller, "send", _send_anything)
    monkeypatch.setattr(hostile, "application", application._application)
    call, ip = OF_NOBODY[what], client_ip()
    assert 429 not in {sent(call, ip).status_code for _ in range(9)}


def test_thousands_of_fans_behind_one_client_ip_are_not_slowed_by_each_other(fan):
    ip = client_ip()
    for user in [fan, factories.make_user()]:
        caller = Caller(token_of(user))
        statuses = {caller.send("GET", POINTS, REMOTE_ADDR=ip).status_code for _ in range(20)}
        assert statuses == {200}


@pytest.mark.control
def test_control_not_given_back_calls_of_fans_would_use_the_client_ip_up(fan, monkeypatch):
    monkeypatch.setattr(call_limits._client_ips, "refund", lambda *_: None)
    monkeypatch.setattr(application, "_caller_of", lambda _: None)
    ip, caller = client_ip(), Caller(token_of(fan))
    statuses = [caller.send("GET", POINTS, REMOTE_ADDR=ip).status_code for _ in range(7)]
    assert statuses == [200] * 6 + [429]


def test_nobody_shuts_those_with_a_login_out_of_a_network(fan):
    ip = client_ip()
    while sent(OF_NOBODY["a made-up token"], ip).status_code != 429:
        pass
    caller = Caller(token_of(fan))
    assert caller.send("GET", POINTS, REMOTE_ADDR=ip).status_code == 200
    assert caller.send("GET", "/api/v1/concerts/", REMOTE_ADDR=ip).status_code == 200
    assert sent(OF_NOBODY["a public list"], ip).status_code == 429


def test_there_a_login_counts_for_its_own_limit_even_where_no_login_is_asked(fan, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"default": "2/hour"}
    ip, caller = client_ip(), Caller(token_of(fan))
    while sent(OF_NOBODY["a made-up token"], ip).status_code != 429:
        pass
    answers = [caller.send("GET", "/api/v1/concerts/", REMOTE_ADDR=ip) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["RateLimit-Policy"] == '"default";q=2;w=3600'


@pytest.mark.parametrize("body", [b"{", b'{"x":1}', b'{"performance_id":"x","seat_ids":[1]}', b""])
def test_malformed_calls_of_a_fan_count_for_him_and_for_nobody_else(fan, body):
    ip, caller = client_ip(), Caller(token_of(fan))
    answers = [caller.send("POST", HOLDS, body, REMOTE_ADDR=ip) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[0].headers["RateLimit"].startswith('"refused";r=2;t=')
    assert answers[-1].headers["RateLimit-Policy"] == '"refused";q=3;w=3600'
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 1200
    # Wherever else he goes; others at the same client IP go on.
    assert code_of(caller.send("GET", POINTS, REMOTE_ADDR=ip)) == (429, "rate_limited")
    other = Caller(token_of(factories.make_user()))
    assert other.send("GET", POINTS, REMOTE_ADDR=ip).status_code == 200


def test_a_fan_refused_by_the_state_of_a_sale_is_not_counted_as_refused(fan):
    performance = factories.make_performance(seats=1)
    seat = str(factories.seat_ids(performance)[0])
    body = json.dumps({"performance_id": str(performance.pk), "seat_ids": [seat]})
    caller = Caller(token_of(fan))
    first = caller.send("POST", HOLDS, body.encode(), REMOTE_ADDR=client_ip())
    assert first.status_code == 201
    other = Caller(token_of(factories.make_user()))
    answers = [other.send("POST", HOLDS, body.encode(), REMOTE_ADDR=client_ip()) for _ in range(5)]
    assert {code_of(answer) for answer in answers} == {(409, "seat_taken")}


def test_probes_are_never_refused():
    ip = client_ip()
    statuses = {
        Caller(None).send("GET", "/healthz/live", REMOTE_ADDR=ip).status_code for _ in range(30)
    }
    assert statuses == {200}


def test_what_is_private_says_how_far_the_limit_is_and_what_is_public_does_not(monkeypatch):
    monkeypatch.setattr(Caller, "send", _send_anything)
    private = sent(("GET", LOGIN_API + "config", b"", {}, 1), client_ip())
    assert private.status_code == 200
    assert private.headers["RateLimit"].startswith('"anonymous";r=5;t=')
    public = sent(OF_NOBODY["a public list"], client_ip())
    assert "RateLimit" not in public.headers


def test_a_head_that_is_one_too_many_has_no_body():
    ip = client_ip()
    for _ in range(6):
        Caller(None).send("HEAD", "/api/v1/concerts/", REMOTE_ADDR=ip)
    answer = Caller(None).send("HEAD", "/api/v1/concerts/", REMOTE_ADDR=ip)
    assert (answer.status_code, answer.content) == (429, b"")


def test_the_limit_is_in_front_of_everything():
    assert isinstance(application, CallLimits)
