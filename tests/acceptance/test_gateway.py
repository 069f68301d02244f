"""What the one entry promises whatever lies behind it."""

import re
import socket
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from proof.history.facts import FanPurchase
from tests.support.shopper import Shopper
from tests.support.site import Site
from tests.support.waiting import await_that

PROBLEM = "application/problem+json"


def raw(site: Site, request: bytes) -> bytes:
    """Send bytes no client library would and return the answer."""
    place = urlsplit(site.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            _, _, body = answer.partition(b"\r\n\r\n")
            if body:
                break
    return answer


@pytest.mark.parametrize("kind", ["live", "ready", "startup"])
def test_health_is_shown_at_the_entry(site: Site, kind: str):
    answer = site.http().get(f"/healthz/{kind}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize("host", ["10.0.0.5", "10.0.0.5:8000", "[::1]", "probe.internal"])
def test_a_probe_names_whatever_host_it_likes(site: Site, host: str):
    nobody = site.http()
    for kind in ("live", "ready", "startup"):
        assert nobody.get(f"/healthz/{kind}", headers={"Host": host}).status_code == 200
    refused = nobody.get("/api/v1/concerts/", headers={"Host": host})
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed_request")
    assert refused.headers["Content-Type"] == PROBLEM


def test_static_files_are_served_by_the_gateway_itself(site: Site):
    answer = site.http().get("/static/admin/css/base.css")
    assert answer.status_code == 200
    assert "max-age=3600" in answer.headers["Cache-Control"]
    log = site.data / "logs" / "gateway.log"
    assert "[crit]" not in log.read_text()


def test_readiness_lists_every_part(site: Site):
    parts = {"primary", "replica", "idempotency", "cache", "lock", "queue", "broker", "kafka"}
    operator = {"Authorization": f"Bearer {site.env['OPS_TOKEN']}"}
    report = site.http(headers=operator).get("/healthz/ready").json()
    assert parts <= report["parts"].keys()


def test_metrics_tell_of_the_sale(site: Site):
    sale = site.sale(seats=2, hold_seconds=1)
    slow, quick = (Shopper(site, fan) for fan in site.fans(2, 500_000))
    held = slow.hold(sale.performance_id, sale.seat_ids).json()
    await_that(
        lambda: slow.send("GET", f"/reservations/{held['id']}/").json()["status"] == "EXPIRED",
        "the hold has lapsed",
    )
    assert isinstance(quick.buy(sale.performance_id, sale.seat_ids), FanPurchase)
    for _ in range(2):  # the second finds the first's answer
        body, headers = {"amount": 1000}, {"Idempotency-Key": held["id"]}
        assert quick.send("POST", "/points/charges/", json=body, headers=headers).is_success
    operator = {"Authorization": f"Bearer {site.env['OPS_TOKEN']}"}
    text = site.http(headers=operator).get("/metrics").text
    text += httpx.get(f"http://127.0.0.1:{site.port('fastpath-sale-metrics')}/metrics").text
    for family in (
        "django_http_requests_total_by_method",
        "frontrow_celery_queue_length",
        "frontrow_holds",
        "frontrow_holds_expired",
        "frontrow_idempotency_conflicts",
        "frontrow_outbox_age_seconds",
        "frontrow_payments",
        "frontrow_queue_mean_wait_seconds",
        "frontrow_queue_promotion_rate",
        "frontrow_queue_waiting",
        "frontrow_replica_lag_seconds",
        "frontrow_reservations_confirmed",
    ):
        assert f"# TYPE {family}" in text, family


def test_the_explorer_and_its_document_are_served_without_help_from_elsewhere(site: Site):
    nobody = site.http()
    assert nobody.get("/api/schema/").status_code == 200
    for page in ("/api/docs/", "/api/redoc/", "/_allauth/openapi.html"):
        answer = nobody.get(page)
        assert answer.status_code == 200
        assert not re.search(r"""\b(src|href)=["'](https?:)?//""", answer.text)
    assert nobody.get("/.well-known/jwks.json").json()["keys"]
    assert nobody.get("/admin/login/").status_code == 200


def test_a_request_id_comes_back_or_is_made(site: Site):
    given = f"client-{uuid4()}"
    nobody = site.http()
    assert (
        nobody.get("/api/v1/concerts/", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        == given
    )
    for bad in ("short", "x" * 200, "with space in it"):
        made = nobody.get("/api/v1/concerts/", headers={"X-Request-ID": bad})
        assert made.headers.get_list("X-Request-ID") == [made.headers["X-Request-ID"]]
        assert len(made.headers["X-Request-ID"]) >= 8
        assert made.headers["X-Request-ID"] != bad


def test_what_a_caller_sees_stays_with_the_caller(site: Site):
    sale = site.sale(seats=2, queue={"rate_per_second": 1, "capacity": 1})
    [fan] = site.fans(1)
    mine = site.http(fan.access_token)
    for path in ("/api/v1/points/", "/api/v1/reservations/", "/api/v1/tickets/"):
        assert mine.get(path).headers["Cache-Control"] == "private, no-store"
    # The micro-cache holds one answer for everybody, also for one who shows a token.
    public = f"/api/v1/performances/{sale.performance_id}/queue/"
    answers = {client.get(public).content for client in (site.http(), mine, site.http("forged"))}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /api/v1/concerts/?q=" + b"x" * 70_000 + b" HTTP/1.1", 414),
        (b"GET /%zz HTTP/1.1", 400),
        (b"GET /api/v1/\x00 HTTP/1.1", 400),
        (b"TRACE /api/v1/concerts/ HTTP/1.1", 405),
        (b"BREW /api/v1/concerts/ HTTP/1.1", 405),
        (b"GET /../../etc/passwd HTTP/1.1", 400),
        (b"GET /api/v1/nothing/ HTTP/1.1", 404),
        (b"nonsense", 400),
    ],
    ids=["long address", "bad escape", "NUL", "TRACE", "BREW", "outside", "nothing", "nonsense"],
)
def test_a_broken_request_is_refused_in_json(site: Site, request_line: bytes, status: int):
    answer = raw(site, request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == str(status).encode(), head[:200]
    assert PROBLEM.encode() in head, head
    assert status != 405 or b"\nallow: " in head.lower()
    assert b"<html" not in body.lower()


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: abc",
        b"Content-Length: -1",
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: nonsense",
        b"X-Big: " + b"x" * 70_000,
    ],
    ids=["no number", "negative", "two lengths", "length and chunks", "unknown coding", "huge"],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(site: Site, headers: bytes):
    request = b"POST /api/v1/reservations/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head, _, body = raw(site, request + headers + b"\r\n\r\n{}").partition(b"\r\n\r\n")
    assert head.split(b" ")[1] in {b"400", b"401", b"501"}, head[:200]
    assert PROBLEM.encode() in head, head
    assert b"<html" not in body.lower()


def test_a_huge_body_is_refused_at_the_entry(site: Site):
    [fan] = site.fans(1)
    answer = site.http(fan.access_token).post(
        "/api/v1/reservations/",
        content=b" " * (1024 * 1024 + 1),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["code"] == "body_too_large"


def test_the_api_away_is_said_in_json(site: Site):
    with site.without("api"):
        answer = site.http().get("/api/v1/concerts/")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == PROBLEM
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-Request-ID"]
    assert site.http().get("/api/v1/concerts/").status_code == 200
