"""What the product asks of a gateway holds for two that have nothing in common but the Protocol."""

import secrets
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from kernel import clock
from kernel.money import Money
from payments.gateways.gateway import (
    BadWebhook,
    GatewayOrder,
    MoneyState,
    NotSent,
    OutcomeUnknown,
    RefundRefused,
)
from tests.support.desks import Desk, SandboxDesk, StripeDesk, close_gateways
from tests.support.sandbox import Sandbox, new_order_id
from tests.support.small_server import receiver
from tests.support.stripe_double import stripe_double
from tests.support.waiting import await_that

RETURN_URL = "http://127.0.0.1:1/back?payment=7"


@pytest.fixture(scope="module")
def desks(tmp_path_factory):
    with receiver() as for_sandbox, receiver() as for_stripe, stripe_double() as double:
        folder = tmp_path_factory.mktemp("sandbox")
        with Sandbox(folder, webhook_url=for_sandbox.url) as server:
            yield {
                "sandbox": SandboxDesk(server, for_sandbox),
                "stripe": StripeDesk(double, for_stripe),
            }
        close_gateways()


@pytest.fixture(params=["sandbox", "stripe"])
def desk(request, desks) -> Desk:
    return desks[request.param]


def new_order(amount: int = 50_000) -> GatewayOrder:
    return GatewayOrder(new_order_id(), secrets.token_hex(32), Money(amount), "Hanok, 2 seats")


def agreed(desk: Desk, order: GatewayOrder) -> str:
    """The payment key of an order that the customer approved on the gateway's page."""
    checkout = desk.gateway.open(order, return_url=RETURN_URL)
    desk.decide(checkout.url, "approve")
    assert checkout.payment_key
    return checkout.payment_key


def paid(desk: Desk, order: GatewayOrder):
    return desk.gateway.confirm(order, payment_key=agreed(desk, order))


def test_what_was_agreed_to_is_captured_once_it_is_confirmed(desk):
    order = new_order()
    key = agreed(desk, order)
    before = desk.gateway.find(order.order_id, payment_key=key)
    assert before is not None
    assert (before.state, desk.captured(order.order_id)) == (MoneyState.OPEN, [])
    payment = desk.gateway.confirm(order, payment_key=key)
    assert (payment.order_id, payment.state) == (order.order_id, MoneyState.CAPTURED)
    assert (payment.amount, payment.refunded) == (order.amount, Money(0))
    assert abs(payment.captured_at - clock.now()) < timedelta(minutes=1)
    assert desk.gateway.find(order.order_id, payment_key=None) == payment
    assert desk.captured(order.order_id) == [50_000]


def test_the_browser_comes_back_with_what_the_way_back_had(desk):
    checkout = desk.gateway.open(new_order(), return_url=RETURN_URL)
    back = urlsplit(desk.decide(checkout.url, "approve"))
    assert (back.netloc, back.path) == ("127.0.0.1:1", "/back")
    assert parse_qs(back.query)["payment"] == ["7"]


def test_the_same_confirm_twice_charges_once(desk):
    order = new_order()
    key = agreed(desk, order)
    first = desk.gateway.confirm(order, payment_key=key)
    assert desk.gateway.confirm(order, payment_key=key) == first
    assert desk.captured(order.order_id) == [50_000]


def test_a_gateway_that_hangs_after_charging_is_unknown_until_it_is_asked(desk):
    order = new_order()
    key = agreed(desk, order)
    desk.hang_next()
    with pytest.raises(OutcomeUnknown):
        desk.impatient().confirm(order, payment_key=key)
    await_that(lambda: desk.captured(order.order_id), "it charged")
    found = desk.gateway.find(order.order_id, payment_key=key)
    assert found.state is MoneyState.CAPTURED
    assert desk.gateway.confirm(order, payment_key=key) == found
    assert desk.captured(order.order_id) == [50_000]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_key_of_another_order_takes_nothing_of_either(desk, is_known):
    order, strangers = new_order(), new_order()
    own = agreed(desk, order)
    strange = agreed(desk, strangers) if is_known else "cs_test_sandbox_of_nobody"
    found = desk.gateway.confirm(order, payment_key=strange)
    assert (found.order_id, found.state) == (order.order_id, MoneyState.OPEN)
    assert found.payment_key != strange
    assert desk.captured(order.order_id) == desk.captured(strangers.order_id) == []
    again = replace(order, request_key=secrets.token_hex(32))
    assert desk.gateway.confirm(again, payment_key=own).state is MoneyState.CAPTURED


def test_a_decline_takes_no_money_and_says_why(desk):
    order = new_order()
    key = agreed(desk, order)
    desk.decline_next()
    payment = desk.gateway.confirm(order, payment_key=key)
    assert (payment.state, payment.amount) == (MoneyState.FAILED, order.amount)
    assert payment.failure.code
    assert desk.gateway.find(order.order_id, payment_key=key).state is MoneyState.FAILED
    assert desk.captured(order.order_id) == []


def test_a_page_that_the_customer_declined_is_failed(desk):
    order = new_order()
    checkout = desk.gateway.open(order, return_url=RETURN_URL)
    desk.decide(checkout.url, "decline")
    found = desk.gateway.find(order.order_id, payment_key=checkout.payment_key)
    assert (found.state, found.failure is not None) == (MoneyState.FAILED, True)


def test_where_nobody_listens_nothing_was_sent(desk):
    order, gateway = new_order(), desk.unreachable()
    payment = paid(desk, new_order())
    with pytest.raises(NotSent):
        gateway.open(order, return_url=RETURN_URL)
    with pytest.raises(NotSent):
        gateway.confirm(order, payment_key="any")
    with pytest.raises(NotSent):
        gateway.find(order.order_id, payment_key=None)
    with pytest.raises(NotSent):
        gateway.refund(payment, Money(1), request_key=secrets.token_hex(8), reason="x")


def test_an_order_it_never_saw_is_not_found(desk):
    assert desk.gateway.find(new_order_id(), payment_key=None) is None


def test_the_payment_key_of_another_order_pays_for_nothing(desk):
    theirs, mine = new_order(), new_order()
    key = agreed(desk, theirs)
    assert desk.gateway.find(mine.order_id, payment_key=key) is None
    assert desk.gateway.confirm(mine, payment_key=key).state is MoneyState.OPEN
    assert desk.captured(mine.order_id) == desk.captured(theirs.order_id) == []


def test_money_is_given_back_in_parts_and_never_more_than_was_paid(desk):
    order = new_order()
    payment = paid(desk, order)
    refund = desk.gateway.refund
    part = refund(payment, Money(20_000), request_key=secrets.token_hex(8), reason="one seat")
    assert (part.state, part.refunded) == (MoneyState.CAPTURED, Money(20_000))
    with pytest.raises(RefundRefused):
        refund(payment, Money(30_001), request_key=secrets.token_hex(8), reason="too much")
    rest = refund(payment, Money(30_000), request_key=secrets.token_hex(8), reason="the rest")
    assert (rest.state, rest.refunded) == (MoneyState.REFUNDED, order.amount)
    with pytest.raises(RefundRefused):
        refund(payment, Money(1), request_key=secrets.token_hex(8), reason="nothing left")
    assert desk.refunded(order.order_id) == [20_000, 30_000]
    assert desk.gateway.find(order.order_id, payment_key=None) == rest


def test_the_same_refund_twice_gives_back_once(desk):
    order = new_order()
    payment, key = paid(desk, order), secrets.token_hex(8)
    for _ in range(2):
        desk.gateway.refund(payment, Money(10_000), request_key=key, reason="one seat")
    assert desk.refunded(order.order_id) == [10_000]


@pytest.mark.control
def test_control_the_same_refund_by_two_keys_gives_back_twice(desk):
    order = new_order()
    payment = paid(desk, order)
    for _ in range(2):
        key = secrets.token_hex(8)
        desk.gateway.refund(payment, Money(10_000), request_key=key, reason="one seat")
    assert desk.refunded(order.order_id) == [10_000, 10_000]


def test_a_refund_that_hangs_is_unknown_and_given_once(desk):
    order = new_order()
    payment, key = paid(desk, order), secrets.token_hex(8)
    desk.hang_next()
    with pytest.raises(OutcomeUnknown):
        desk.impatient().refund(payment, Money(10_000), request_key=key, reason="one seat")
    await_that(lambda: desk.refunded(order.order_id), "it gave back")
    found = desk.gateway.find(order.order_id, payment_key=None)
    assert found.refunded == Money(10_000)
    again = desk.gateway.refund(payment, Money(10_000), request_key=key, reason="one seat")
    assert again.refunded == Money(10_000)
    assert desk.refunded(order.order_id) == [10_000]


def delivery_of(desk: Desk, order: GatewayOrder) -> tuple[dict[str, str], bytes]:
    """The first webhook about an order."""

    def found():
        taken = desk.receiver.taken
        return next((one for one in taken if order.order_id.encode() in one[1]), None)

    return await_that(found, "a webhook")


def test_a_webhook_names_the_order_and_its_event(desk):
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    notice = desk.gateway.read_webhook(headers, body, now=clock.now())
    assert notice.order_id == order.order_id
    assert notice.id
    assert abs(notice.occurred_at - clock.now()) < timedelta(minutes=1)


def test_a_webhook_that_the_gateway_did_not_sign_is_not_believed(desk):
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    now = clock.now()
    signature = "stripe-signature" if "stripe-signature" in headers else "webhook-signature"
    other_order = body.replace(order.order_id.encode(), b"order-0000")
    forged = [
        (headers, other_order),
        (headers, body + b" "),
        ({**headers, signature: ""}, body),
        ({**headers, signature: "v1,AAAA"}, body),
        ({**headers, signature: "t=1,v1=" + "0" * 64}, body),
        ({**headers, signature: "\udcff é"}, body),
        ({name: value for name, value in headers.items() if name != signature}, body),
        ({}, body),
    ]
    for given, content in forged:
        with pytest.raises(BadWebhook):
            desk.gateway.read_webhook(given, content, now=now)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_webhook_of_another_time_is_not_believed(desk, minutes):
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    with pytest.raises(BadWebhook):
        desk.gateway.read_webhook(headers, body, now=clock.now() + timedelta(minutes=minutes))


@pytest.mark.control
def test_control_without_a_tolerance_an_old_webhook_is_believed(desk, monkeypatch):
    monkeypatch.setattr("payments.gateways.webhooks.TOLERANCE_SECONDS", 10**9)
    monkeypatch.setattr("tests.support.stripe_gateway.TOLERANCE", 10**9)
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    later = clock.now() + timedelta(minutes=6)
    assert desk.gateway.read_webhook(headers, body, now=later).order_id == order.order_id


@pytest.mark.control
def test_control_without_the_comparison_a_forged_webhook_is_believed(desk, monkeypatch):
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    forged = body.replace(order.order_id.encode(), b"order-0000")
    monkeypatch.setattr("hmac.compare_digest", lambda given, wanted: True)
    assert desk.gateway.read_webhook(headers, forged, now=clock.now()).order_id == "order-0000"


def test_while_a_secret_is_replaced_both_are_believed_and_afterwards_one(desk):
    order = new_order()
    paid(desk, order)
    headers, body = delivery_of(desk, order)
    both = desk.with_secrets("the-next-secret", desk.webhook_secret)
    assert both.read_webhook(headers, body, now=clock.now()).order_id == order.order_id
    for secrets_in_force in [("the-next-secret",), ("",), ()]:
        with pytest.raises(BadWebhook):
            desk.with_secrets(*secrets_in_force).read_webhook(headers, body, now=clock.now())
