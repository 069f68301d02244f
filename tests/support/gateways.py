"""A gateway inside the test's process, whose ledger and faults the test controls."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from threading import RLock

import pytest

from kernel import clock
from kernel.money import Money
from payments import gateways
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


class Fault(Enum):
    """What goes wrong at the next call."""

    NOT_SENT = "not sent"  # nothing reaches the gateway
    LOST = "lost"  # nothing reaches it, and the caller can't know
    HANG = "hang"  # it acts, and the caller does not learn so
    DECLINE = "decline"
    REFUSE = "refuse"  # of refunds


@dataclass(slots=True)
class LedgerRow:
    """What the gateway knows of an order."""

    order_id: str
    amount: Money
    payment_key: str = ""
    state: MoneyState = MoneyState.OPEN
    captured: int = 0
    captures: int = 0  # how often money was taken
    refunded: int = 0
    failure: Failure | None = None
    refunds: dict[str, int] = field(default_factory=dict)


class GatewayDouble:
    """A gateway whose page is `approve`; it captures on `confirm`, or by itself on `capture`."""

    name = "double"

    def __init__(self) -> None:
        self.ledger: dict[str, LedgerRow] = {}
        self.urls: dict[str, str] = {}
        self.calls: list[str] = []
        self.approves_at_once = False
        self.during: Callable[[str], object] = lambda call: None
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = RLock()

    def fail(self, call: str, *faults: Fault) -> None:
        """Let the next calls of this name fail, one after the other."""
        self._faults[call].extend(faults)

    def approve(self, order_id: str) -> str:
        """Do what the fan does on the page; return the key that the browser brings back."""
        return self._row(order_id).payment_key

    def capture(self, order_id: str) -> None:
        """Take the money although nobody asked, as gateways do that need no confirmation."""
        with self._lock:
            self._capture(self._row(order_id))

    def money_of(self, order_id: str) -> int:
        """Return what the gateway has of an order."""
        row = self.ledger.get(order_id)
        return row.captured - row.refunded if row else 0

    def open(self, order: GatewayOrder, *, return_url: str) -> Checkout:
        fault = self._begin("open")
        if fault is not None:
            raise NotSent(fault.value)
        with self._lock:
            self._know(order)
            self.urls[order.order_id] = return_url
        self.during("open")
        return Checkout(f"https://pay.example/{order.order_id}")

    def approve_at_once(self, order: GatewayOrder) -> str:
        with self._lock:
            return self._know(order).payment_key

    def confirm(self, order: GatewayOrder, *, payment_key: str) -> GatewayPayment:
        fault = self._begin("confirm")
        if fault is Fault.NOT_SENT:
            raise NotSent(fault.value)
        if fault is Fault.LOST:
            self.during("confirm")
            raise OutcomeUnknown(fault.value)
        with self._lock:
            row = self._know(order)
            if fault is Fault.DECLINE:
                self._decline(row)
            elif payment_key == row.payment_key:
                self._capture(row)
        self.during("confirm")
        if fault is Fault.HANG:
            raise OutcomeUnknown(fault.value)
        return self._shown(row)

    def find(self, order_id: str, *, payment_key: str | None) -> GatewayPayment | None:
        if self._begin("find") is not None:
            raise NotSent("not reached")
        with self._lock:
            row = self.ledger.get(order_id)
            found = self._shown(row) if row else None
        self.during("find")
        return found

    def refund(
        self, payment: GatewayPayment, amount: Money, *, request_key: str, reason: str
    ) -> GatewayPayment:
        fault = self._begin("refund")
        if fault is Fault.NOT_SENT:
            raise NotSent(fault.value)
        if fault is Fault.REFUSE:
            raise RefundRefused("the account is closed")
        if fault is Fault.LOST:
            raise OutcomeUnknown(fault.value)
        with self._lock:
            row = self._row(payment.order_id)
            if request_key not in row.refunds:
                if row.refunded + amount.amount > row.captured:
                    raise RefundRefused("more than was captured")
                row.refunds[request_key] = amount.amount
                row.refunded += amount.amount
                if row.refunded == row.captured:
                    row.state = MoneyState.REFUNDED
        self.during("refund")
        if fault is Fault.HANG:
            raise OutcomeUnknown(fault.value)
        return self._shown(row)

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        if headers.get("x-signature") != f"signed {len(body)}":
            raise BadWebhook("the signature is wrong")
        id_, order_id = body.decode().split()
        return Notice(id_, order_id, now)

    def _begin(self, call: str) -> Fault | None:
        with self._lock:
            self.calls.append(call)
            return self._faults[call].popleft() if self._faults[call] else None

    def _know(self, order: GatewayOrder) -> LedgerRow:
        row = self.ledger.setdefault(order.order_id, LedgerRow(order.order_id, order.amount))
        row.payment_key = row.payment_key or f"key-of-{order.order_id}"
        return row

    def _row(self, order_id: str) -> LedgerRow:
        return self.ledger[order_id]

    def _capture(self, row: LedgerRow) -> None:
        if row.state is MoneyState.OPEN:
            row.state, row.captured = MoneyState.CAPTURED, row.amount.amount
            row.captures += 1

    def _decline(self, row: LedgerRow) -> None:
        if row.state is MoneyState.OPEN:
            row.state = MoneyState.FAILED
            row.failure = Failure("card_declined", "The card was declined.")

    def _shown(self, row: LedgerRow) -> GatewayPayment:
        return GatewayPayment(
            order_id=row.order_id,
            payment_key=row.payment_key,
            state=row.state,
            amount=row.amount,
            refunded=Money(row.refunded, row.amount.currency),
            captured_at=clock.now() if row.captured else None,
            failure=row.failure,
        )


def install(monkeypatch: pytest.MonkeyPatch) -> GatewayDouble:
    """Let the product use a double as its gateway."""
    double = GatewayDouble()

    def approve_at_once(gateway: GatewayDouble, order: GatewayOrder) -> str | None:
        return gateway.approve_at_once(order) if gateway.approves_at_once else None

    monkeypatch.setattr(gateways, "current", lambda: double)
    monkeypatch.setattr(gateways, "approve_at_once", approve_at_once)
    return double
