"""Whatever a gateway replies, a call ends in one of the three ways of the note, never otherwise."""

import json
import socket
import struct
import time

import httpx
import pytest

from kernel.money import Money
from kernel.redis.breaker import state
from payments import metrics
from payments.gateways.gateway import (
    GatewayOrder,
    GatewayPayment,
    MoneyState,
    NotSent,
    OutcomeUnknown,
)
from payments.gateways.http import LONGEST_REPLY, GatewayHttp
from payments.gateways.toss import TossGateway
from tests.support.small_server import misbehaving

ORDER = GatewayOrder("order-12345678", "k" * 64, Money(50_000), "Hanok")
KEY = "payment-key-1"
DONE = {
    "paymentKey": KEY,
    "orderId": ORDER.order_id,
    "status": "DONE",
    "totalAmount": 50_000,
    "balanceAmount": 50_000,
    "currency": "KRW",
    "approvedAt": "2026-11-26T10:00:00+09:00",
}
PAID = GatewayPayment(ORDER.order_id, KEY, MoneyState.CAPTURED, ORDER.amount, Money(0))


@pytest.fixture
def toss():
    made = []

    def make(url: str, *, read_seconds: float = 20) -> TossGateway:
        http = GatewayHttp(
            url, "test_sk_1", name="toss", connect_seconds=2, read_seconds=read_seconds
        )
        made.append(http)
        return TossGateway(http, client_key="test_ck_1", webhook_secrets=())

    yield make
    for http in made:
        http.close()


def response(status: int, body: bytes, *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def replies(status: int, document, **more):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda sock: sock.sendall(response(status, body, **more))


def changed(**members):
    return {**DONE, **members}


def without(name: str):
    return {key: value for key, value in DONE.items() if key != name}


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def drip(sock: socket.socket) -> None:
    """Send a byte now and then: no single read takes long, and all of them for ever."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    try:
        for _ in range(200):
            sock.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        return


HOSTILE = {
    "nothing": lambda sock: None,
    "reset": reset,
    "no http": lambda sock: sock.sendall(b"SSH-2.0-OpenSSH\r\n"),
    "half": replies(200, json.dumps(DONE).encode(), length=5000),
    "drip": drip,
    "no json": replies(200, b"<html>ok</html>"),
    "empty": replies(200, b""),
    "not utf-8": replies(200, b'{"orderId": "\xff\xfe"}'),
    "deep": replies(200, b"[" * 50_000),
    "huge": replies(200, b" " * (LONGEST_REPLY + 1) + json.dumps(DONE).encode()),
    "long number": replies(200, json.dumps(DONE).replace("50000", "5" * 5000).encode()),
    "NaN": replies(200, json.dumps(DONE).replace("50000", "NaN").encode()),
    "1e999": replies(200, json.dumps(DONE).replace("50000", "1e999").encode()),
    "twice": replies(200, b'{"status": "DONE", ' + json.dumps(DONE).encode()[1:]),
    "list": replies(200, []),
    "text": replies(200, "DONE"),
    "null": replies(200, b"null"),
    "redirect": replies(302, DONE),
    "500": replies(500, DONE),
    "504 of a proxy": replies(504, b"<html>Gateway Time-out</html>"),
    "404 of a proxy": replies(404, b"<html>Not found</html>"),
    "unknown code": replies(400, {"code": "SOMETHING_NEW", "message": "?"}),
    "code of a list": replies(400, {"code": ["REJECT_CARD_PAYMENT"]}),
    "no code": replies(400, {}),
    "card company fails": replies(400, {"code": "PROVIDER_ERROR", "message": "?"}),
    "still at it": replies(409, {"code": "IDEMPOTENT_REQUEST_PROCESSING", "message": "?"}),
    "another order": replies(200, changed(orderId="order-87654321")),
    "another key": replies(200, changed(paymentKey="payment-key-2")),
    "no order": replies(200, without("orderId")),
    "no status": replies(200, without("status")),
    "unknown status": replies(200, changed(status="MAYBE")),
    "status of a list": replies(200, changed(status=["DONE"])),
    "amount of a text": replies(200, changed(totalAmount="50000")),
    "amount true": replies(200, changed(totalAmount=True)),
    "amount none": replies(200, changed(totalAmount=None)),
    "amount negative": replies(200, changed(totalAmount=-1, balanceAmount=-1)),
    "half a won": replies(200, changed(totalAmount=50_000.5, balanceAmount=50_000.5)),
    "more left than paid": replies(200, changed(balanceAmount=60_000)),
    "done and given back": replies(200, changed(balanceAmount=10_000)),
    "currency none": replies(200, without("currency")),
    "currency unknown": replies(200, changed(currency="XXX")),
    "time of a number": replies(200, changed(approvedAt=1)),
    "time without zone": replies(200, changed(approvedAt="2026-11-26T10:00:00")),
    "time of nonsense": replies(200, changed(approvedAt="soon")),
    "surrogate": replies(200, json.dumps(changed(paymentKey="\ud800")).encode()),
}  # fmt: skip
# Of a refund only: all of these would be fine replies to a confirm.
HOSTILE_REFUNDS = {
    "nothing given back": replies(200, DONE),
    "less given back": replies(200, changed(status="PARTIAL_CANCELED", balanceAmount=45_001)),
}


def patience(name: str) -> float:
    """How long to wait: only one of them never ends."""
    return 0.3 if name == "drip" else 20


@pytest.mark.parametrize("name", HOSTILE)
def test_a_confirm_that_nobody_understands_is_unknown(toss, name):
    with misbehaving(HOSTILE[name]) as url, pytest.raises(OutcomeUnknown):
        toss(url, read_seconds=patience(name)).confirm(ORDER, payment_key=KEY)


@pytest.mark.parametrize("name", [*sorted(set(HOSTILE) - {"another key"}), *HOSTILE_REFUNDS])
def test_a_refund_that_nobody_understands_is_unknown(toss, name):
    behave = (HOSTILE | HOSTILE_REFUNDS)[name]
    with misbehaving(behave) as url, pytest.raises(OutcomeUnknown):
        toss(url, read_seconds=patience(name)).refund(
            PAID, Money(5_000), request_key="r" * 64, reason="x"
        )


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"another key"}))
def test_a_look_up_that_nobody_understands_says_nothing(toss, name):
    with misbehaving(HOSTILE[name]) as url, pytest.raises(NotSent):
        toss(url, read_seconds=patience(name)).find(ORDER.order_id, payment_key=None)


@pytest.mark.control
def test_without_a_longest_reply_the_huge_one_is_read(toss, monkeypatch):
    monkeypatch.setattr("payments.gateways.http.LONGEST_REPLY", 10**9)
    with misbehaving(HOSTILE["huge"]) as url:
        assert toss(url).confirm(ORDER, payment_key=KEY).state is MoneyState.CAPTURED


def test_amount_and_currency_are_taken_as_they_are(toss):
    """Whether they are the order's is for the caller to judge."""
    document = changed(totalAmount=1, balanceAmount=1, currency="JPY")
    with misbehaving(replies(200, document)) as url:
        assert toss(url).confirm(ORDER, payment_key=KEY).amount == Money(1, "JPY")


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (403, "REJECT_CARD_PAYMENT", "limit_exceeded"),
        (403, "REJECT_CARD_COMPANY", "declined"),
        (400, "INVALID_CARD_EXPIRATION", "card_invalid"),
        (400, "INVALID_STOPPED_CARD", "card_blocked"),
        (400, "BELOW_MINIMUM_AMOUNT", "amount_too_small"),
        (404, "EXPIRED_PAYMENT", "payment_expired"),
    ],
)
def test_a_decline_says_why_in_our_words(toss, status, code, wanted):
    with misbehaving(replies(status, {"code": code, "message": "말" * 1000})) as url:
        payment = toss(url).confirm(ORDER, payment_key=KEY)
    assert (payment.state, payment.failure.code) == (MoneyState.FAILED, wanted)
    assert (payment.amount, payment.refunded) == (ORDER.amount, Money(0))
    assert len(payment.failure.message) <= 300


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (401, {"code": "UNAUTHORIZED_KEY"}),
        (400, {"code": "INVALID_API_KEY"}),
        (403, {"code": "FORBIDDEN_REQUEST"}),
        (403, {"code": "INCORRECT_BASIC_AUTH_FORMAT"}),
        (401, {}),
    ],
)
def test_our_own_key_being_refused_charges_nothing_and_is_an_error(toss, caplog, status, document):
    with misbehaving(replies(status, document)) as url:
        with pytest.raises(NotSent):
            toss(url).confirm(ORDER, payment_key=KEY)
        with pytest.raises(NotSent):
            toss(url).refund(PAID, Money(1), request_key="r" * 64, reason="x")
        with pytest.raises(NotSent):
            toss(url).find(ORDER.order_id, payment_key=None)
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 3
    assert "test_sk_1" not in caplog.text


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (replies(200, DONE), MoneyState.CAPTURED),
        (replies(404, {"code": "NOT_FOUND_PAYMENT"}), None),
        (replies(500, {}), None),
    ],
)
def test_what_was_processed_before_is_looked_up(toss, reply, outcome):
    """A look-up that fails or finds nothing leaves the outcome unknown."""
    first = []

    def behave(sock):
        if not first:
            first.append(1)
            replies(400, {"code": "ALREADY_PROCESSED_PAYMENT", "message": ""})(sock)
        else:
            reply(sock)

    with misbehaving(behave) as url:
        if outcome:
            assert toss(url).confirm(ORDER, payment_key=KEY).state is outcome
        else:
            with pytest.raises(OutcomeUnknown):
                toss(url).confirm(ORDER, payment_key=KEY)


def calls(call: str, outcome: str) -> float:
    return metrics.gateway_calls.labels(call, outcome)._value.get()


def test_a_confirm_in_doubt_is_sent_once_and_a_look_up_again(toss):
    asked = []

    def behave(sock):
        asked.append(1)
        replies(503, {})(sock)

    with misbehaving(behave) as url:
        before = calls("confirm", "unknown")
        with pytest.raises(OutcomeUnknown):
            toss(url).confirm(ORDER, payment_key=KEY)
        assert (len(asked), calls("confirm", "unknown") - before) == (1, 1)
        with pytest.raises(NotSent):
            toss(url).find(ORDER.order_id, payment_key=None)
    assert len(asked) == 1 + 3


def test_a_confirm_that_was_not_sent_is_tried_again(toss, monkeypatch):
    """The gateway listens from the second attempt on."""
    attempts = []
    real = httpx.Client.stream

    def refusing_once(self, *args, **kwargs):
        attempts.append(1)
        if len(attempts) == 1:
            raise httpx.ConnectError("refused")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(httpx.Client, "stream", refusing_once)
    with misbehaving(replies(200, DONE)) as url:
        assert toss(url).confirm(ORDER, payment_key=KEY).state is MoneyState.CAPTURED
    assert len(attempts) == 2


def test_the_breaker_opens_and_then_nothing_is_sent(toss):
    asked = []

    def behave(sock):
        asked.append(1)
        replies(500, {})(sock)

    with misbehaving(behave) as url:
        gateway = toss(url)
        for _ in range(10):
            with pytest.raises(OutcomeUnknown):
                gateway.confirm(ORDER, payment_key=KEY)
        assert state.labels("gateway_toss")._value.get() == 1
        with pytest.raises(NotSent):
            gateway.confirm(ORDER, payment_key=KEY)
        with pytest.raises(NotSent):
            gateway.open(ORDER, return_url="https://shop.example/")
    assert len(asked) == 10


def test_declines_never_open_the_breaker(toss):
    with misbehaving(replies(403, {"code": "REJECT_CARD_PAYMENT", "message": ""})) as url:
        gateway = toss(url)
        for _ in range(20):
            assert gateway.confirm(ORDER, payment_key=KEY).state is MoneyState.FAILED


@pytest.mark.parametrize("key", ["", ".", "..", "a b", "a\nb", "\ud800", "열쇠", "k" * 201, "\x00"])
def test_what_a_browser_may_bring_as_a_key_is_not_sent(toss, key):
    asked = []

    def behave(sock):
        asked.append(1)
        replies(404, {"code": "NOT_FOUND_PAYMENT"})(sock)

    with misbehaving(behave) as url:
        with pytest.raises(NotSent):
            toss(url).confirm(ORDER, payment_key=key)
        assert asked == []
        assert toss(url).find(ORDER.order_id, payment_key=key) is None
        assert asked == [1]  # by the order alone


def test_the_log_of_a_call_names_no_payment_key(toss, caplog):
    caplog.set_level("INFO")
    with misbehaving(replies(404, {"code": "NOT_FOUND_PAYMENT"})) as url:
        toss(url).find(ORDER.order_id, payment_key=KEY)
    assert KEY not in caplog.text


@pytest.mark.control
def test_control_a_confirm_in_doubt_that_counts_as_not_sent_is_sent_again(toss, monkeypatch):
    asked = []

    def behave(sock):
        asked.append(1)
        replies(503, {})(sock)

    monkeypatch.setattr("payments.gateways.http._Unreached", OutcomeUnknown)
    with misbehaving(behave) as url, pytest.raises(OutcomeUnknown):
        toss(url).confirm(ORDER, payment_key=KEY)
    assert len(asked) == 3


def test_a_currency_it_does_not_take_is_not_sent(toss):
    order = GatewayOrder(ORDER.order_id, ORDER.request_key, Money(1, "EUR"), "Hanok")
    gateway = toss("http://127.0.0.1:1")
    with pytest.raises(NotSent, match="EUR"):
        gateway.confirm(order, payment_key=KEY)
    with pytest.raises(NotSent, match="EUR"):
        gateway.open(order, return_url="https://shop.example/")
