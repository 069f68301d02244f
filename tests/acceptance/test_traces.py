"""One purchase is one trace, from the gateway to the letter, with every parent in its place."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.otlp_receiver import OtlpReceiver, SeenSpan, receiving
from tests.support.shopper import Shopper
from tests.support.site import Site
from tests.support.traced import OF_A_PURCHASE, Traced, buy, refused_hold
from tests.support.waiting import await_that


@pytest.fixture
def receiver(site: Site) -> Iterator[OtlpReceiver]:
    with receiving(site.traces_port) as receiver:
        yield receiver


def named(spans: list[SeenSpan], name: str) -> list[SeenSpan]:
    return [span for span in spans if span.name == name]


def complete(receiver: OtlpReceiver, traced: Traced, wanted: set[str]) -> list[SeenSpan]:
    """Return the spans of a trace once those that are wanted have come."""

    def come() -> list[SeenSpan]:
        found = receiver.of(traced.trace_id)
        return found if {span.name for span in found} >= wanted else []

    return await_that(come, f"spans of {sorted(wanted)}")


def ancestors(span: SeenSpan, spans: list[SeenSpan]) -> list[str]:
    by_id = {one.span_id: one for one in spans}
    found = []
    while span.parent_id in by_id:
        span = by_id[span.parent_id]
        found.append(span.name)
    return found


def test_a_purchase_is_one_trace_to_the_letter(site: Site, receiver: OtlpReceiver):
    traced = Traced(site)
    bought = buy(site, traced)
    await_that(
        lambda: named(receiver.of(traced.trace_id), "mail reservation_confirmed"),
        "the letter's span",
        seconds=90,
    )
    spans = complete(receiver, traced, OF_A_PURCHASE)
    # Complete: every parent is the caller or a span that has come, and none came twice.
    known = {span.span_id for span in spans} | {traced.span_id}
    assert [span for span in spans if span.parent_id not in known] == []
    assert len(known) == len(spans) + 1
    assert all(span.began <= span.ended for span in spans)

    [letter] = named(spans, "mail reservation_confirmed")
    above = ancestors(letter, spans)
    assert above[0] == "consume reservation.confirmed"
    assert above[1] == "publish reservation.confirmed"
    assert above[-2:] == ["POST payments", "gateway"]
    statements = [span for span in spans if span.attributes.get("db.system.name") == "postgresql"]
    assert any("POST reservations" in ancestors(span, spans) for span in statements)
    assert any("POST payments" in ancestors(span, spans) for span in statements)
    functions = [span for span in spans if span.attributes.get("db.system.name") == "valkey"]
    assert any("POST queue" in ancestors(span, spans) for span in functions)
    assert {span.service for span in spans} >= {
        *("fastpath", "fastpath-sale", "worker-relay", "consumers", "worker-background"),
    }
    secrets = [*traced.headers.values(), *bought.secrets()]
    sent = b"".join(receiver.raw)
    assert [word for word in secrets if word.encode() in sent] == []


def test_a_refused_hold_keeps_its_error(site: Site, receiver: OtlpReceiver):
    traced = refused_hold(site)
    [refused] = await_that(
        lambda: named(receiver.of(traced.trace_id), "POST reservations"), "the refused hold"
    )
    assert refused.error == "seat_taken"
    assert refused.attributes["http.response.status_code"] == 409
    assert refused.attributes["error.type"] == "seat_taken"


def test_a_request_of_django_and_a_webhook_are_in_it_too(site: Site, receiver: OtlpReceiver):
    [fan] = site.fans(1, 0)
    shopper, traced = Shopper(site, fan), Traced(site)
    charged = shopper.send(
        "POST",
        "/points/charges/",
        json={"amount": 10_000},
        headers={"Idempotency-Key": str(uuid4()), **traced.headers},
    )
    assert charged.json()["status"] == "PAID", charged.text
    spans = complete(receiver, traced, {"gateway", "payment gateway confirm"})
    [gateway] = named(spans, "gateway")
    calls = [span for span in spans if span.name.startswith("payment gateway")]
    assert gateway.parent_id == traced.span_id
    assert all("gateway" in ancestors(span, spans) for span in calls)


@pytest.mark.parametrize("token", [None, "another token"])
def test_without_the_operators_token_a_callers_flag_records_nothing(
    site: Site, receiver: OtlpReceiver, token: str | None
):
    [fan] = site.fans(1, 0)
    unasked, asked = Traced(site), Traced(site)
    shopper = Shopper(site, fan)
    headers = {"traceparent": unasked.headers["traceparent"]}
    shopper.send("GET", "/points/", headers=headers | ({"X-Trace-Token": token} if token else {}))
    shopper.send("GET", "/points/", headers=asked.headers)
    await_that(lambda: receiver.of(asked.trace_id), "what was asked for")
    assert receiver.of(unasked.trace_id) == []
