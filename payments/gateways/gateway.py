"""What the product asks of a payment gateway, whichever it is.

Note [What a gateway said]
Each call ends in one of three ways. A returned value is what the gateway said. `NotSent` means that
it certainly did nothing. `OutcomeUnknown` means that it may have acted: only `find` can tell, and
until it does, money may have moved. An adapter that is in doubt raises `OutcomeUnknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from kernel.money import Money


class NotSent(Exception):
    """The gateway was not reached or refused to act: nothing was charged or refunded."""


class OutcomeUnknown(Exception):
    """The gateway may have acted, and did not say so."""


class RefundRefused(Exception):
    """The gateway will not refund this, now or later; `args` say why."""


class BadWebhook(Exception):
    """A webhook that the gateway did not sign, or that is too old to be believed."""


class MoneyState(Enum):
    """Where the money of an order is."""

    OPEN = "OPEN"  # nobody has paid; somebody still may
    CAPTURED = "CAPTURED"
    FAILED = "FAILED"  # it was declined, closed or has run out, and cannot be captured any more
    REFUNDED = "REFUNDED"  # captured, and all of it given back


@dataclass(frozen=True, slots=True)
class GatewayOrder:
    """What a fan is to pay at the gateway.

    `order_id`: 6 to 64 characters of A-Z, a-z, 0-9, "-" and "_", never used for anything else;
    `request_key`: makes the capture happen once, however often it is asked for; `name`: what the
    gateway's page shows.
    """

    order_id: str
    request_key: str
    amount: Money
    name: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page of the gateway where an order is paid; `payment_key` if the gateway names one now."""

    url: str
    payment_key: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no money was taken; `code` is one of ours where it is known, else "declined"."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """An order as the gateway keeps it. `refunded` is a part of `amount`."""

    order_id: str
    payment_key: str
    state: MoneyState
    amount: Money
    refunded: Money
    captured_at: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook: something happened to an order. What happened is asked by `find`.

    `id` is the same for every delivery of one event.
    """

    id: str
    order_id: str
    occurred_at: datetime


class Gateway(Protocol):
    """A payment gateway. Each call may take seconds: none belongs into a transaction."""

    name: str

    def open(self, order: GatewayOrder, *, return_url: str) -> Checkout:
        """Return the page where `order` is paid, which sends the browser back to `return_url`.

        Raises NotSent: then nobody can pay this order.
        """
        ...

    def confirm(self, order: GatewayOrder, *, payment_key: str) -> GatewayPayment:
        """Take the money of an order that the fan has agreed to, once.

        `payment_key` is what the browser brought, and is not trusted: where it isn't this order's,
        nothing is taken, and the order comes back OPEN. Raises NotSent and OutcomeUnknown.
        """
        ...

    def find(self, order_id: str, *, payment_key: str | None) -> GatewayPayment | None:
        """Return an order as the gateway keeps it; None if it has none. Raises NotSent."""
        ...

    def refund(
        self, payment: GatewayPayment, amount: Money, *, request_key: str, reason: str
    ) -> GatewayPayment:
        """Give `amount` back, once for each `request_key`; return the payment afterwards.

        Raises RefundRefused, NotSent and OutcomeUnknown.
        """
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """Return what a webhook announces; names of `headers` are lower case. Raises BadWebhook."""
        ...


@runtime_checkable
class ApprovesAtOnce(Protocol):
    """A gateway that can approve an order without a page; no real one does."""

    def approve_at_once(self, order: GatewayOrder) -> str:
        """Return a payment key that `confirm` accepts for this order and amount. Raises NotSent."""
        ...
