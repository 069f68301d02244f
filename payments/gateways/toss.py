"""The adapter of Toss Payments, by its REST API v1 (https://docs.tosspayments.com/reference).

Its page opens only by its own script, so `open` leads to a bridge page of ours (`bridge.py`). An
order is confirmed by the payment key that the browser brings back. It signs no webhook about
payments: those that read here are signed by our own scheme (`webhooks.py`), which the sandbox and
a relay of ours speak; without them the reconciler finds the same.
"""

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from kernel.money import Money
from kernel.text import strict_json
from payments.gateways import bridge, toss_codes, webhooks
from payments.gateways.gateway import (
    BadWebhook,
    Checkout,
    GatewayOrder,
    GatewayPayment,
    MoneyState,
    Notice,
    NotSent,
    OutcomeUnknown,
    RefundRefused,
)
from payments.gateways.http import GatewayHttp, GatewayReply
from payments.gateways.toss_documents import (
    NotUnderstood,
    failure_of,
    number_of,
    payment_of,
    takes,
)

log = logging.getLogger(__name__)
_KOREA = timezone(timedelta(hours=9))  # times without a zone are Korea's
# What may be part of a path; dots alone would lead elsewhere.
_KEY = re.compile(r"(?!\.+$)[\x21-\x7e]{1,200}")
_LONGEST_REASON = 200
_LONGEST_NAME = 100


class TossGateway:
    """Toss Payments; see Note [What a gateway said] for how its calls end."""

    name = "toss"

    def __init__(
        self, http: GatewayHttp, *, client_key: str, webhook_secrets: tuple[str, ...]
    ) -> None:
        self._http = http
        self._client_key = client_key
        self._webhook_secrets = webhook_secrets

    @property
    def is_refusing(self) -> bool:
        """Say whether the breaker is open, so that no call is sent."""
        return self._http.is_refusing

    def open(self, order: GatewayOrder, *, return_url: str) -> Checkout:
        """Return the bridge page of the order. Raises NotSent, also while the breaker is open."""
        if self.is_refusing:
            raise NotSent("the breaker is open")
        if not takes(order.amount.currency):
            raise NotSent(f"no payments in {order.amount.currency}")
        return Checkout(url=bridge.url_of(order, return_url=return_url))

    def confirm(self, order: GatewayOrder, *, payment_key: str) -> GatewayPayment:
        """Take the money, once for each `request_key`. Raises NotSent and OutcomeUnknown."""
        if not _KEY.fullmatch(payment_key):
            raise NotSent("no key of this gateway")
        reply = self._http.act(
            "confirm",
            "/v1/payments/confirm",
            {
                "paymentKey": payment_key,
                "orderId": order.order_id,
                "amount": _number(order.amount),
            },
            key=order.request_key,
        )
        if reply.is_success:
            confirmed = _payment(reply, order.order_id)
            if confirmed.payment_key != payment_key:
                raise OutcomeUnknown("another payment key")
            return confirmed
        if reply.code in toss_codes.DONE_BEFORE:
            return self._found_again(order, payment_key)
        if reply.code in toss_codes.OF_THE_KEY:
            found = self.find(order.order_id, payment_key=None)
            is_ours = found is None and reply.code in toss_codes.OURS
            if is_ours and not self._is_of_another(payment_key, order):
                raise self._refusal(reply)  # not the key's: somebody of ours has to see it
            found = found or _open(order)
            if found.payment_key != payment_key:
                return found  # a key of another order: it says nothing about this one
        if reply.code in toss_codes.DECLINES:
            failure = failure_of(reply.code, reply.message)
            nothing = Money(0, order.amount.currency)
            return GatewayPayment(
                order.order_id,
                payment_key,
                MoneyState.FAILED,
                order.amount,
                nothing,
                failure=failure,
            )
        raise self._refusal(reply)

    def find(self, order_id: str, *, payment_key: str | None) -> GatewayPayment | None:
        """Look an order up by its id; by the payment key where that finds nothing yet.

        The key came by a browser: what it finds counts only if it is this order. Raises NotSent.
        """
        document = self._look_up(f"/v1/payments/orders/{quote(order_id, safe='')}")
        if document is None and payment_key and _KEY.fullmatch(payment_key):
            document = self._look_up(f"/v1/payments/{quote(payment_key, safe='')}")
            if document and document.get("orderId") != order_id:
                return None
        try:
            return payment_of(document, order_id=order_id) if document else None
        except NotUnderstood as error:
            raise NotSent(f"a look-up was not understood: {error}") from error

    def refund(
        self, payment: GatewayPayment, amount: Money, *, request_key: str, reason: str
    ) -> GatewayPayment:
        """Give `amount` back. Raises RefundRefused, NotSent and OutcomeUnknown."""
        reply = self._http.act(
            "refund",
            f"/v1/payments/{quote(payment.payment_key, safe='')}/cancel",
            {"cancelReason": reason[:_LONGEST_REASON] or "-", "cancelAmount": _number(amount)},
            key=request_key,
        )
        if reply.is_success:
            refunded = _payment(reply, payment.order_id)
            if refunded.refunded.amount < amount.amount:
                raise OutcomeUnknown("less was given back than we asked for")
            return refunded
        if reply.code in toss_codes.NOT_REFUNDABLE:
            raise RefundRefused(reply.code, reply.message)
        raise self._refusal(reply)

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """Return the order of a signed webhook. Raises BadWebhook."""
        event_id = webhooks.verify(headers, body, secrets=self._webhook_secrets, now=now)
        try:
            event = strict_json.loads(body.decode())
            order_id = event["data"]["orderId"]
            occurred_at = datetime.fromisoformat(event["createdAt"])
        except (ValueError, RecursionError, LookupError, TypeError) as error:
            raise BadWebhook("no event of a payment") from error
        if not isinstance(order_id, str) or not 6 <= len(order_id) <= 64:
            raise BadWebhook("no order id")
        if occurred_at.tzinfo is None:
            occurred_at = occurred_at.replace(tzinfo=_KOREA)
        return Notice(id=event_id, order_id=order_id, occurred_at=occurred_at)

    def _found_again(self, order: GatewayOrder, payment_key: str) -> GatewayPayment:
        """Return what became of an order that was confirmed before, by us or somebody else."""
        try:
            found = self.find(order.order_id, payment_key=None)
            if found is None and self._is_of_another(payment_key, order):
                return _open(order)
        except NotSent as error:
            raise OutcomeUnknown("confirmed before, and not to be looked up") from error
        if found is None:
            raise OutcomeUnknown("confirmed before, and not to be found")
        return found

    def _is_of_another(self, payment_key: str, order: GatewayOrder) -> bool:
        document = self._look_up(f"/v1/payments/{quote(payment_key, safe='')}")
        return document is not None and document.get("orderId") != order.order_id

    def _look_up(self, path: str) -> Mapping[str, Any] | None:
        reply = self._http.look_up(path)
        if reply.is_success:
            return reply.document
        if reply.code in toss_codes.ABSENT:
            return None
        raise NotSent(str(self._refusal(reply)))

    def _refusal(self, reply: GatewayReply) -> NotSent | OutcomeUnknown:
        """Return what a refusal means that is about neither the card nor the refund."""
        words = f"{reply.status} {reply.code}"
        is_key = reply.status in (401, 403) and not reply.code
        if is_key or reply.code in toss_codes.OURS:
            log.error(
                "the payment gateway refuses our request, not the card: look at our key",
                extra={"gateway": self.name, "status": reply.status, "code": reply.code},
            )
            return NotSent(words)
        if reply.code in toss_codes.TOO_EARLY or reply.status == 429:
            return NotSent(words)
        return OutcomeUnknown(words)


def _payment(reply: GatewayReply, order_id: str) -> GatewayPayment:
    """Return the payment after a call that may have moved money."""
    try:
        return payment_of(reply.document, order_id=order_id)
    except NotUnderstood as error:
        raise OutcomeUnknown(f"not understood: {error}") from error


def _open(order: GatewayOrder) -> GatewayPayment:
    """Return an order that the gateway doesn't know yet: somebody may still pay it."""
    nothing = Money(0, order.amount.currency)
    return GatewayPayment(order.order_id, "", MoneyState.OPEN, order.amount, nothing)


def _number(money: Money) -> Any:
    if not takes(money.currency):
        raise NotSent(f"no payments in {money.currency}")
    return number_of(money)


def shown_name(order: GatewayOrder) -> str:
    """Return what the gateway's page shows, not longer than it takes."""
    return order.name[:_LONGEST_NAME] or order.order_id
