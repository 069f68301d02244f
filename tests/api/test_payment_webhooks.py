"""POST webhooks/payments/: signed, received once, looked up before anything is believed."""

from datetime import timedelta

import pytest

from kernel import clock
from payments import reconciliation
from payments.gateways.gateway import Notice
from payments.models import GatewayNotice, Payment
from tests.support.concurrency import at_once
from tests.support.factories import make_performance
from tests.support.gateways import Fault
from tests.support.money import begin_by_card, confirm, hold, outbox

WEBHOOKS = "/api/v1/webhooks/payments/"


@pytest.fixture
def begun(fan, gateway):
    return begin_by_card(fan, hold(fan, make_performance(seats=2), seats=1).id)


def send(api, body, *, signature=None):
    signed = f"signed {len(body)}" if signature is None else signature
    return api.generic(
        "POST", WEBHOOKS, body, content_type="application/json", HTTP_X_SIGNATURE=signed
    )


def reconcile():
    return reconciliation.reconcile(now=clock.now() + timedelta(seconds=1))


def test_a_signed_webhook_lets_the_order_be_looked_up_at_once(api, begun, fan, gateway):
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    answer = send(api, f"event-1 {begun.order_id}")
    assert answer.status_code == 200, answer.content
    assert "find" not in gateway.calls  # the response did not wait for it
    reconcile()
    assert Payment.objects.get().status == "PAID"


def test_money_that_was_captured_without_us_is_found(api, begun, gateway):
    gateway.capture(begun.order_id)
    send(api, f"event-1 {begun.order_id}")
    reconcile()
    assert Payment.objects.get().status == "PAID"
    assert len(outbox("payment.paid")) == 1


def test_what_a_webhook_says_is_not_believed(api, begun, gateway):
    send(api, f"paid {begun.order_id}")
    reconcile()
    assert Payment.objects.get().status == "CREATED"


def test_the_same_event_again_has_no_effect(api, begun, gateway):
    for _ in range(3):
        assert send(api, f"event-1 {begun.order_id}").status_code == 200
        reconcile()
    assert GatewayNotice.objects.count() == 1
    assert gateway.calls.count("find") == 1


def test_deliveries_at_once_are_one_event(api, begun, gateway):
    answers = at_once([lambda: send(api, f"event-1 {begun.order_id}")] * 6)
    assert {answer.status_code for answer in answers} == {200}
    assert GatewayNotice.objects.count() == 1


@pytest.mark.parametrize("signature", ["", "signed 1", "Signed"])
def test_a_bad_signature_is_401_and_leaves_nothing(api, begun, gateway, signature):
    answer = send(api, f"event-1 {begun.order_id}", signature=signature)
    assert answer.status_code == 401
    assert answer.json()["code"] == "webhook_invalid"
    assert not GatewayNotice.objects.exists()


def test_an_order_that_nobody_knows_is_received_and_changes_nothing(api, begun, gateway):
    assert send(api, "event-1 pay-unknown").status_code == 200
    assert reconcile().looked_up == 0
    assert GatewayNotice.objects.get().handled_at is not None


def test_without_a_gateway_nobody_is_believed(api, db_ready):
    assert send(api, "event-1 pay-1").status_code == 401


@pytest.mark.control
def test_control_without_the_signature_anybody_is_heard(api, begun, gateway, monkeypatch):
    def trusting(headers, body, *, now):
        return Notice("forged", begun.order_id, now)

    monkeypatch.setattr(gateway, "read_webhook", trusting)
    assert send(api, "forged", signature="").status_code == 200
    assert GatewayNotice.objects.exists()
