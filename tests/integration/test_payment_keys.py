"""A payment key comes by a browser: one of another order ends nothing, and moves no money."""

import pytest

from kernel import clock
from kernel.money import Money
from payments.errors import GatewayUnavailable, PaymentKeyInvalid
from payments.gateways import toss_codes
from payments.gateways.gateway import MoneyState, NotSent, OutcomeUnknown
from payments.models import Charge, Payment
from payments.usecases import charging
from tests.integration.test_hostile_gateway import (
    DONE,
    KEY,
    ORDER,
    changed,
    replies,
    toss,  # noqa: F401  (a fixture)
)
from tests.support.factories import make_performance
from tests.support.gateways import Fault
from tests.support.money import balance_of, begin_by_card, confirm, give_points, hold, new_key
from tests.support.small_server import misbehaving
from tickets.models import Ticket

PRICE = 70_000
POINTS = 20_000
STRANGE = "key-of-somebody-else"


@pytest.fixture
def begun(fan, gateway):
    give_points(fan, POINTS)
    held = hold(fan, make_performance(seats=2, price=PRICE), seats=1)
    return begin_by_card(fan, held.id, points_amount=POINTS)


def is_open(fan):
    row = Payment.objects.get()
    assert (row.status, row.payment_key, row.requested_at) == ("CREATED", "", None)
    assert row.resolve_after is not None
    assert balance_of(fan) == 0  # its points part is with us
    return True


def test_a_strange_key_is_refused_and_the_own_one_still_pays(fan, begun, gateway):
    for _ in range(2):
        with pytest.raises(PaymentKeyInvalid):
            confirm(fan, begun.id, payment_key=STRANGE)
        assert is_open(fan)
    assert gateway.money_of(begun.order_id) == 0
    assert confirm(fan, begun.id).status == "PAID"
    assert gateway.money_of(begun.order_id) == PRICE - POINTS
    assert Ticket.objects.count() == 1


@pytest.mark.control
def test_control_settled_by_what_a_strange_key_found_its_own_is_never_asked(
    fan, begun, gateway, monkeypatch
):
    monkeypatch.setattr(
        "payments.usecases.checkout.confirmation.is_of_another_key", lambda *_: False
    )
    confirm(fan, begun.id, payment_key=STRANGE)
    assert confirm(fan, begun.id).status == "PROCESSING"
    assert gateway.money_of(begun.order_id) == 0


def test_where_the_page_named_its_key_the_gateway_is_not_asked(fan, begun, gateway):
    Payment.objects.update(payment_key=f"key-of-{begun.order_id}")
    with pytest.raises(PaymentKeyInvalid):
        confirm(fan, begun.id, payment_key=STRANGE)
    assert "confirm" not in gateway.calls
    assert Payment.objects.get().status == "CREATED"
    assert confirm(fan, begun.id).status == "PAID"


def test_a_key_that_the_page_named_stays_where_the_gateway_was_not_reached(fan, begun, gateway):
    Payment.objects.update(payment_key=f"key-of-{begun.order_id}")
    gateway.fail("confirm", Fault.NOT_SENT)
    with pytest.raises(GatewayUnavailable):
        confirm(fan, begun.id)
    asked = gateway.calls.count("confirm")
    with pytest.raises(PaymentKeyInvalid):
        confirm(fan, begun.id, payment_key=STRANGE)
    assert gateway.calls.count("confirm") == asked
    assert confirm(fan, begun.id).status == "PAID"


def test_what_was_refused_is_asked_for_again_by_another_key_of_the_request(
    fan, begun, gateway, monkeypatch
):
    """A gateway repeats its refusal for the same key, and so would that of "too early"."""
    keys, ask = [], gateway.confirm

    def asked(order, *, payment_key):
        keys.append(order.request_key)
        return ask(order, payment_key=payment_key)

    monkeypatch.setattr(gateway, "confirm", asked)
    gateway.fail("confirm", Fault.NOT_SENT)
    with pytest.raises(GatewayUnavailable):
        confirm(fan, begun.id)
    assert confirm(fan, begun.id).status == "PAID"
    assert len(set(keys)) == 2


def test_a_charge_stays_open_too(fan, gateway, db_ready):
    made = charging.charge(
        user_id=fan.pk, amount=Money(50_000), request_key=new_key(), resumed=False, now=clock.now()
    )

    def ask(key):
        return charging.confirm(
            charge_id=made.id, user_id=fan.pk, payment_key=key, resumed=False, now=clock.now()
        )

    with pytest.raises(PaymentKeyInvalid):
        ask(STRANGE)
    assert (Charge.objects.get().status, balance_of(fan)) == ("CREATED", 0)
    assert ask(f"key-of-{made.order_id}").status == "PAID"
    assert balance_of(fan) == 50_000


# --- as Toss Payments says it

OPEN = changed(status="IN_PROGRESS", approvedAt=None)
NOT_KNOWN = replies(404, {"code": "NOT_FOUND_PAYMENT", "message": ""})


def in_turn(*behaviours):
    left = list(behaviours)

    def behave(sock):
        left.pop(0)(sock)

    return behave


def refused(code):
    return replies(400, {"code": code, "message": ""})


@pytest.mark.parametrize(
    ("code", "known"),
    [(code, True) for code in sorted(toss_codes.OF_THE_KEY)]
    + [(code, False) for code in sorted(toss_codes.OF_THE_KEY - toss_codes.OURS)],
)
def test_a_refused_key_is_judged_by_the_order(toss, code, known):  # noqa: F811
    order = replies(200, OPEN) if known else NOT_KNOWN
    with misbehaving(in_turn(refused(code), order)) as url:
        found = toss(url).confirm(ORDER, payment_key=STRANGE)
    assert (found.state, found.payment_key) == (MoneyState.OPEN, KEY if known else "")
    assert found.order_id == ORDER.order_id


@pytest.mark.parametrize("code", sorted(toss_codes.OF_THE_KEY & toss_codes.OURS))
def test_what_is_perhaps_our_mistake_is_said_and_blames_no_key(toss, code, caplog):  # noqa: F811
    answers = in_turn(refused(code), NOT_KNOWN, NOT_KNOWN)  # neither the order nor the key
    with misbehaving(answers) as url, pytest.raises(NotSent):
        toss(url).confirm(ORDER, payment_key=KEY)
    assert "refuses our request" in caplog.text


@pytest.mark.parametrize("code", sorted(toss_codes.OF_THE_KEY & toss_codes.OURS))
def test_the_key_of_a_known_order_of_others_is_no_mistake_of_ours(toss, code, caplog):  # noqa: F811
    theirs = replies(200, changed(orderId="order-of-others"))
    with misbehaving(in_turn(refused(code), NOT_KNOWN, theirs)) as url:
        found = toss(url).confirm(ORDER, payment_key=STRANGE)
    assert (found.state, found.payment_key) == (MoneyState.OPEN, "")
    assert "refuses our request" not in caplog.text


def test_a_refused_key_of_an_order_that_was_captured_finds_the_money(toss):  # noqa: F811
    with misbehaving(in_turn(refused("NOT_FOUND_PAYMENT"), replies(200, DONE))) as url:
        assert toss(url).confirm(ORDER, payment_key=STRANGE).state is MoneyState.CAPTURED


def test_where_the_order_is_not_to_be_looked_up_nothing_was_charged(toss):  # noqa: F811
    answers = [refused("NOT_FOUND_PAYMENT"), *[replies(503, {})] * 3]
    with misbehaving(in_turn(*answers)) as url, pytest.raises(NotSent):
        toss(url).confirm(ORDER, payment_key=STRANGE)


def test_the_own_key_of_a_session_that_is_over_is_a_decline(toss):  # noqa: F811
    with misbehaving(in_turn(refused("NOT_FOUND_PAYMENT_SESSION"), replies(200, OPEN))) as url:
        found = toss(url).confirm(ORDER, payment_key=KEY)
    assert (found.state, found.failure.code) == (MoneyState.FAILED, "payment_expired")


@pytest.mark.parametrize(
    ("by_key", "outcome"),
    [(replies(200, changed(orderId="order-of-others")), MoneyState.OPEN), (NOT_KNOWN, None)],
)
def test_a_key_that_was_confirmed_before_counts_if_it_is_of_this_order(
    toss,  # noqa: F811
    by_key,
    outcome,
):
    answers = [refused("ALREADY_PROCESSED_PAYMENT"), NOT_KNOWN, by_key]
    with misbehaving(in_turn(*answers)) as url:
        if outcome:
            assert toss(url).confirm(ORDER, payment_key=STRANGE).state is outcome
        else:
            with pytest.raises(OutcomeUnknown):
                toss(url).confirm(ORDER, payment_key=STRANGE)
