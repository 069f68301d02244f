"""What payments and charges have in common at a gateway: each step of one row, under its lock."""

from datetime import datetime
from typing import TypeAlias

from kernel.db.transaction import require_transaction
from payments import failures, policy
from payments.models import Charge, Payment
from payments.models.received import (
    FAILURE_CODE_LENGTH,
    FAILURE_MESSAGE_LENGTH,
    PAYMENT_KEY_LENGTH,
)
from payments.orders import undone_key_of

Received: TypeAlias = Payment | Charge


def keep_page(*, row: Received, url: str, payment_key: str) -> bool:
    """Keep the gateway's page of what is still to be paid; one statement by itself.

    Returns whether it is: else nothing is kept.
    """
    rows = type(row)._default_manager.filter(pk=row.pk, status=row.Status.CREATED)
    if not rows.update(checkout_url=url, payment_key=payment_key):
        return False
    row.checkout_url, row.payment_key = url, payment_key
    return True


def write_requested(*, row: Received, payment_key: str, now: datetime) -> None:
    """Write down that the gateway is about to be asked for the money."""
    require_transaction()
    row.status = row.Status.REQUESTED
    row.payment_key, row.requested_at = payment_key, now
    row.resolve_after, row.tries = now + policy.REQUEST_TAKES, 0
    row.save(update_fields=["status", "payment_key", "requested_at", "resolve_after", "tries"])


def write_paid(*, row: Received, payment_key: str, now: datetime) -> None:
    """Write down that the gateway has the money."""
    require_transaction()
    row.status, row.paid_at, row.resolve_after = row.Status.PAID, now, None
    row.payment_key = (payment_key or row.payment_key)[:PAYMENT_KEY_LENGTH]
    row.failure_code = row.failure_message = ""
    row.save(
        update_fields=[
            *("status", "payment_key", "paid_at"),
            *("failure_code", "failure_message", "resolve_after"),
        ]
    )


def write_unpaid(
    *, row: Received, status: str, code: str, message: str, final: bool, now: datetime
) -> None:
    """End what is open without money; it is looked up for days more unless that is `final`."""
    require_transaction()
    row.status = status
    row.failure_code = code[:FAILURE_CODE_LENGTH]
    row.failure_message = message[:FAILURE_MESSAGE_LENGTH]
    watch = policy.next_watch(tries=0, created_at=row.created_at, now=now)
    row.resolve_after, row.tries = (None if final else watch), 0
    row.save(update_fields=["status", "failure_code", "failure_message", "tries", "resolve_after"])


def write_given_back(*, row: Received) -> None:
    """Write down that what came for an ended attempt was given back at the gateway, for good."""
    require_transaction()
    row.failure_code, row.failure_message = failures.REFUNDED_BY_GATEWAY, ""
    row.resolve_after = None
    row.save(update_fields=["failure_code", "failure_message", "resolve_after"])


def give_key_back(*, row: Received) -> None:
    """Let the request that made the row make another: nothing came of this one."""
    require_transaction()
    row.request_key = undone_key_of(row)
    row.save(update_fields=["request_key"])
