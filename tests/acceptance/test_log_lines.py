"""The logs of the running site: every line has the one form, none says what is nobody's business,
and a request is followed through all of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import pytest

from tests.support.shopper import Shopper
from tests.support.site import Site
from tests.support.waiting import await_that

# Everything that a line says; `request_id` and `trace_id` where there is a request.
MEMBERS = {"time", "level", "logger", "message", "service", "version"}
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
PEOPLE = "supervisor.log"  # what `up --detach` prints, for a person
REQUESTS = {"gateway", "frontrow.access"}


def logs(site: Site) -> Iterator[Path]:
    """Yield every log of the site, also those that PostgreSQL keeps by itself."""
    yield from (site.data / "logs").glob("*.log*")
    yield from (site.data / "servers" / "logs").glob("*")


def lines(site: Site) -> Iterator[tuple[str, str]]:
    for log in sorted((site.data / "logs").glob("*.log")):
        if log.name != PEOPLE:
            for line in log.read_text(errors="replace").split("\n"):
                if line:
                    yield log.name, line


def test_every_line_of_every_process_is_one_json_object(site: Site):
    Shopper(site, *site.fans(1, 0)).balance()
    await_that(lambda: any(name == "access.log" for name, _ in lines(site)), "an access line")
    seen = set()
    for name, text in lines(site):
        line = json.loads(text)
        assert line.keys() >= MEMBERS, (name, text)
        assert line["level"] in LEVELS, (name, text)
        assert len(line["time"]) == 24, (name, text)
        assert line["time"].endswith("Z"), (name, text)
        if line["logger"] in REQUESTS:
            assert line["request_id"], (name, text)
            assert len(line["trace_id"]) == 32, (name, text)
        seen.add(line["service"])
    assert seen >= {"gateway", "api", "primary", "replica", "kafka", "queue", "worker-relay"}


def test_a_purchase_is_followed_from_the_gateway_to_the_consumers(site: Site):
    sale = site.sale(seats=2, queue={"rate_per_second": 50, "capacity": 10})
    [fan] = site.fans(1, 500_000)
    shopper, request_id = Shopper(site, fan), f"purchase-{token_hex(8)}"
    trace_id = token_hex(16)
    named = {"X-Request-ID": request_id, "traceparent": f"00-{trace_id}-{token_hex(8)}-01"}
    place = shopper.join(sale.performance_id)
    body = {"performance_id": sale.performance_id, "seat_ids": list(sale.seat_ids)}
    held = shopper.send(
        "POST", "/reservations/", json=body, headers={"X-Queue-Token": place["pass"], **named}
    )
    assert held.status_code == 201, held.text
    paid = shopper.send(
        "POST",
        "/payments/",
        json={"reservation_id": held.json()["id"], "method": "POINTS"},
        headers={"Idempotency-Key": str(uuid4()), **named},
    )
    assert paid.json()["status"] == "PAID", paid.text

    def followed(wanted: str) -> list[dict]:
        printed = site.manage("trace", wanted, "--json", "--logs", str(site.data / "logs"))
        found = [json.loads(line) for line in printed.splitlines()]
        services = {line["service"] for line in found}
        return found if services >= {"gateway", "worker-relay", "consumers"} else []

    by_request = await_that(lambda: followed(request_id), "the request's lines")
    by_trace = await_that(lambda: followed(trace_id), "the trace's lines")
    for found in (by_request, by_trace):
        assert {line["trace_id"] for line in found} == {trace_id}
        times = [line["time"] for line in found]
        assert times == sorted(times)
    handled = {line["type"] for line in by_trace if line["logger"] == "events.handling"}
    assert handled >= {"reservation.held", "payment.paid", "reservation.confirmed"}


class Canaries:
    """Words that must not reach a log, each made once and remembered."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def __call__(self) -> str:
        self.planted.append(f"canary{token_hex(12)}")
        return self.planted[-1]


HEADERS = (
    "Authorization", "Cookie", "Idempotency-Key", "Referer", "X-CSRFToken", "X-Device-Token",
    "X-Email-Verification-Key", "X-Password-Reset-Key", "X-Queue-Token", "X-Session-Token",
    "X-Trace-Token", "webhook-id", "webhook-signature", "webhook-timestamp",
)  # fmt: skip
BODIES = (
    ("POST", "/_allauth/app/v1/auth/login", ("email", "password")),
    ("POST", "/_allauth/app/v1/auth/signup", ("email", "password")),
    ("POST", "/_allauth/app/v1/auth/2fa/authenticate", ("code",)),
    ("POST", "/_allauth/app/v1/auth/password/request", ("email",)),
    ("POST", "/_allauth/app/v1/auth/password/reset", ("key", "password")),
    ("POST", "/_allauth/app/v1/tokens/refresh", ("refresh_token",)),
    ("POST", "/api/v1/reservations/", ("performance_id", "seat_ids")),
    ("POST", "/api/v1/payments/", ("reservation_id", "method")),
    ("POST", "/api/v1/points/charges/", ("amount", "return_url")),
    ("POST", "/api/v1/checkins/", ("code", "gate", "scan_id")),
    ("POST", "/api/v1/webhook-endpoints/", ("url",)),
    ("POST", "/api/v1/webhooks/payments/", ("orderId", "paymentKey")),
    ("PATCH", "/api/v1/me/", ("display_name", "phone")),
)


def plant(site: Site, canary: Canaries) -> None:
    """Put canaries into every header, body, query and form that may carry what is secret."""
    [fan] = site.fans(1, 0)
    nobody, somebody = site.http(), site.http(fan.access_token)
    for method, path, names in BODIES:
        for client in (nobody, somebody):
            mail = f"{canary()}@example.com"
            body = {name: mail if name == "email" else canary() for name in names}
            client.request(method, path, json=body, headers={"Idempotency-Key": str(uuid4())})
            client.request(method, path, content=f'{{"{names[0]}": "{canary()}')
            client.request(method, f"{path}?token={canary()}", json=body)
    for name in HEADERS:
        for path in ("/api/v1/points/", "/api/v1/reservations/", "/en/", f"/en/?code={canary()}"):
            nobody.get(path, headers={name: canary()})
            somebody.post(path, headers={name: f"Bearer {canary()}"}, json={"x": canary()})
    form = {"login": f"{canary()}@example.com", "password": canary()}
    nobody.post("/en/account/login/", data=form)
    nobody.post("/admin/login/", data={"username": form["login"], "password": canary()})
    # A whole login, with the letter that it leads to.
    email, password = f"{canary()}@example.com", f"a long {canary()}"
    made = nobody.post("/_allauth/app/v1/auth/signup", json={"email": email, "password": password})
    assert made.status_code == 200, made.text
    meta = made.json()["meta"]
    canary.planted += [meta["access_token"], meta["refresh_token"], meta["session_token"]]
    site.http(meta["access_token"]).get("/api/v1/points/")
    nobody.post("/_allauth/app/v1/auth/password/request", json={"email": email})
    canary.planted += [site.env["OPS_TOKEN"], site.env["SECRET_KEY"], fan.access_token, fan.email]


def test_nothing_secret_and_no_address_is_in_any_log(site: Site):
    canary, last = Canaries(), f"/api/v1/{token_hex(8)}/"
    plant(site, canary)
    site.http().get(last)  # what is logged after all of these
    await_that(
        lambda: any(last in line for name, line in lines(site) if name == "access.log"),
        "the access log is written",
    )
    found = {
        (word, log.name)
        for log in logs(site)
        for text in [log.read_text(errors="replace")]
        for word in canary.planted
        if word in text
    }
    assert found == set()


@pytest.mark.control
def test_control_what_stands_in_a_path_is_found(site: Site):
    word = Canaries()()
    site.http().get(f"/api/v1/{word}/")
    await_that(
        lambda: any(word in log.read_text(errors="replace") for log in logs(site)),
        "the word is in a log",
    )
