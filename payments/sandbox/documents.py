"""The documents of the sandbox: the Payment of Toss Payments, its events, the ledger's lists."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from payments.sandbox.schema import LedgerCancel, LedgerPayment

_KOREA = timezone(timedelta(hours=9))
VERSION = "2022-11-16"


def time_of(moment: float | None) -> str | None:
    """Return a time as Toss writes it, in Korea's zone."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, _KOREA).isoformat(timespec="milliseconds")


def payment(
    row: LedgerPayment, cancels: Sequence[LedgerCancel], *, page_url: str
) -> dict[str, Any]:
    """Return the Payment document."""
    balance = row.amount - sum(one.amount for one in cancels)
    failure = {"code": row.failure_code, "message": row.failure_message}
    last = cancels[-1].transaction_key if cancels else row.payment_key
    return {
        "mId": "sandbox",
        "version": VERSION,
        "paymentKey": row.payment_key,
        "orderId": row.order_id,
        "orderName": row.order_name,
        "type": "NORMAL",
        "method": "카드",
        "status": row.status,
        "currency": row.currency,
        "totalAmount": row.amount,
        "balanceAmount": balance,
        "requestedAt": time_of(row.requested_at),
        "approvedAt": time_of(row.captured_at),
        "lastTransactionKey": last if row.captured_at else None,
        "isPartialCancelable": True,
        "checkout": {"url": f"{page_url}/checkout/{row.payment_key}"},
        "failure": failure if row.failure_code else None,
        "cancels": [cancel(one) for one in cancels] or None,
    }


def cancel(row: LedgerCancel) -> dict[str, Any]:
    """Return a member of a Payment's `cancels`."""
    return {
        "transactionKey": row.transaction_key,
        "cancelAmount": row.amount,
        "cancelReason": row.reason,
        "canceledAt": time_of(row.canceled_at),
        "cancelStatus": "DONE",
    }


def event(document: dict[str, Any], moment: float) -> dict[str, Any]:
    """Return the webhook of a changed payment."""
    return {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": time_of(moment),
        "data": document,
    }


def capture(row: LedgerPayment) -> dict[str, Any]:
    """Return a capture as the ledger's list shows it."""
    return {
        "orderId": row.order_id,
        "paymentKey": row.payment_key,
        "amount": row.amount,
        "currency": row.currency,
        "capturedAt": time_of(row.captured_at),
    }


def refund(row: LedgerPayment, one: LedgerCancel) -> dict[str, Any]:
    """Return a refund as the ledger's list shows it."""
    return {
        "orderId": row.order_id,
        "paymentKey": row.payment_key,
        "transactionKey": one.transaction_key,
        "amount": one.amount,
        "currency": row.currency,
        "refundedAt": time_of(one.canceled_at),
    }
