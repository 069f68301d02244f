"""An adapter of the double in `stripe_double.py`: the same Protocol, another kind of gateway."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx

from kernel.money import Money
from payments.gateways.gateway import (
    BadWebhook,
    Checkout,
    Failure,
    GatewayOrder,
    GatewayPayment,
    MoneyState,
    Notice,
    NotSent,
    OutcomeUnknown,
    RefundRefused,
)

TOLERANCE = 300
_STATES = {
    "requires_payment_method": MoneyState.OPEN,
    "requires_capture": MoneyState.OPEN,
    "succeeded": MoneyState.CAPTURED,
    "canceled": MoneyState.FAILED,
}


class StripeGateway:
    """Sessions by redirect; the session is the payment key."""

    name = "stripe"

    def __init__(
        self, url: str, secret: str, *, webhook_secrets: tuple[str, ...], read_seconds: float
    ) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=httpx.Timeout(read_seconds, connect=2),
            trust_env=False,
        )
        self._webhook_secrets = webhook_secrets

    def close(self) -> None:
        self._client.close()

    def open(self, order: GatewayOrder, *, return_url: str) -> Checkout:
        form = {
            "mode": "payment",
            "client_reference_id": order.order_id,
            "payment_intent_data[capture_method]": "manual",
            "line_items[0][price_data][currency]": order.amount.currency.lower(),
            "line_items[0][price_data][unit_amount]": str(order.amount.amount),
            "line_items[0][price_data][product_data][name]": order.name,
            "success_url": f"{return_url}&session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": return_url,
        }
        try:
            status, session = self._send("POST", "/v1/checkout/sessions", form)
        except OutcomeUnknown as error:
            raise NotSent from error
        if status != 200:
            raise NotSent(str(status))
        return Checkout(session["url"], session["id"])

    def confirm(self, order: GatewayOrder, *, payment_key: str) -> GatewayPayment:
        path = f"/v1/checkout/sessions/{payment_key}"
        nothing = Money(0, order.amount.currency)
        if not self._is_of(order.order_id, path):  # the session names its order, a capture doesn't
            own = self.find(order.order_id, payment_key=None)
            return own or GatewayPayment(order.order_id, "", MoneyState.OPEN, order.amount, nothing)
        status, document = self._send("POST", f"{path}/capture", {}, key=order.request_key)
        if status == 200:
            return _payment(document)
        code = document["error"]["code"]
        if status == 402:
            return GatewayPayment(
                order.order_id, payment_key, MoneyState.FAILED, order.amount, nothing,
                failure=Failure("declined", code),
            )  # fmt: skip
        if status in (401, 403, 429):
            raise NotSent(code)
        raise OutcomeUnknown(code)

    def _is_of(self, order_id: str, path: str) -> bool:
        try:
            status, session = self._send("GET", path, {})
        except OutcomeUnknown as error:
            raise NotSent from error
        if status not in (200, 404):
            raise NotSent(str(status))
        return status == 200 and bool(session["client_reference_id"] == order_id)

    def find(self, order_id: str, *, payment_key: str | None) -> GatewayPayment | None:
        try:
            if payment_key:
                status, found = self._send("GET", f"/v1/checkout/sessions/{payment_key}", {})
                if status == 200 and found["client_reference_id"] == order_id:
                    return _payment(found)
            query = {"query": f"metadata['order_id']:'{order_id}'"}
            status, found = self._send("GET", "/v1/payment_intents/search", query)
        except OutcomeUnknown as error:
            raise NotSent from error
        if status != 200:
            raise NotSent(str(status))
        return _payment(found["data"][0]) if found["data"] else None

    def refund(
        self, payment: GatewayPayment, amount: Money, *, request_key: str, reason: str
    ) -> GatewayPayment:
        form = {"payment_intent": payment.payment_key, "amount": str(amount.amount)}
        status, document = self._send("POST", "/v1/refunds", form, key=request_key)
        if status == 200:
            return _payment(document)
        raise RefundRefused(document["error"]["code"])

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        parts = [one.split("=", 1) for one in headers.get("stripe-signature", "").split(",")]
        pairs = [(name, value) for name, value in (p for p in parts if len(p) == 2)]
        moment = dict(pairs).get("t", "")
        wanted = [
            hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
            for secret in self._webhook_secrets
        ]
        given = [value for name, value in pairs if name == "v1"]
        if not any(
            hmac.compare_digest(a.encode(), b.encode("utf-8", "surrogateescape"))
            for a in wanted
            for b in given
        ):
            raise BadWebhook("signature")
        if not moment.isdecimal() or abs(now.timestamp() - int(moment)) > TOLERANCE:
            raise BadWebhook("time")
        event = json.loads(body)
        return Notice(
            event["id"],
            event["data"]["object"]["client_reference_id"],
            datetime.fromtimestamp(event["created"], UTC),
        )

    def _send(
        self, method: str, path: str, form: dict[str, str], *, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        sent = {"params": form} if method == "GET" else {"data": form}
        try:
            reply = self._client.request(method, path, headers=headers, **sent)
            document = reply.json()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent from error
        except (httpx.HTTPError, ValueError) as error:
            raise OutcomeUnknown from error
        if reply.status_code >= 500:
            raise OutcomeUnknown(str(reply.status_code))
        return reply.status_code, document


def _payment(session: dict[str, Any]) -> GatewayPayment:
    currency = session["currency"].upper()
    amount = Money(session["amount_total"], currency)
    refunded = Money(session["amount_refunded"], currency)
    state = MoneyState.REFUNDED if refunded == amount else _STATES[session["intent_status"]]
    captured = session["captured_at"]
    return GatewayPayment(
        order_id=session["client_reference_id"],
        payment_key=session["id"],
        state=state,
        amount=amount,
        refunded=refunded,
        captured_at=datetime.fromtimestamp(captured, UTC) if captured else None,
        failure=Failure("declined", "canceled") if state is MoneyState.FAILED else None,
    )
