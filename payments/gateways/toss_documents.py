"""The Payment document of Toss Payments, read strictly into what the product knows.

https://docs.tosspayments.com/reference#payment-객체. Amounts are numbers of the currency's main
unit: won, or dollars with cents.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from kernel.money import Money
from payments.gateways.gateway import Failure, GatewayPayment, MoneyState
from payments.gateways.toss_codes import DECLINES

# Digits behind the point (ISO 4217), of the currencies that Toss takes.
_DIGITS = {"KRW": 0, "JPY": 0, "USD": 2}
LARGEST = 10**15 - 1  # fifteen digits: a number of JSON carries them exactly, cents or none
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_STATES = {
    "READY": MoneyState.OPEN,
    "IN_PROGRESS": MoneyState.OPEN,
    "WAITING_FOR_DEPOSIT": MoneyState.OPEN,
    "DONE": MoneyState.CAPTURED,
    "PARTIAL_CANCELED": MoneyState.CAPTURED,
    "CANCELED": MoneyState.REFUNDED,
    "ABORTED": MoneyState.FAILED,
    "EXPIRED": MoneyState.FAILED,
}


class NotUnderstood(ValueError):
    """A document that is no Payment, or contradicts itself."""


def takes(currency: str) -> bool:
    """Say whether the gateway takes this currency."""
    return currency in _DIGITS


def number_of(money: Money) -> int | float:
    """Return an amount as Toss writes it. Raises KeyError for a currency it doesn't take."""
    digits = _DIGITS[money.currency]
    return money.amount if digits == 0 else float(Decimal(money.amount).scaleb(-digits))


def payment_of(document: Mapping[str, Any], *, order_id: str) -> GatewayPayment:
    """Return the payment of a document, which must be that of `order_id`.

    Amount and currency are taken as they are. Raises NotUnderstood.
    """
    if document.get("orderId") != order_id:
        raise NotUnderstood("another order")
    key = document.get("paymentKey")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise NotUnderstood("no payment key")
    status = document.get("status")
    state = _STATES.get(status) if isinstance(status, str) else None
    if state is None:
        raise NotUnderstood("an unknown status")
    total, refunded = _amounts(document, state)
    captured_at = _time(document.get("approvedAt"))
    if state is MoneyState.REFUNDED and captured_at is None:
        state, refunded = MoneyState.FAILED, Money(0, total.currency)  # ended before it was paid
    return GatewayPayment(
        order_id=order_id,
        payment_key=key,
        state=state,
        amount=total,
        refunded=refunded,
        captured_at=captured_at,
        failure=_failure(document) if state is MoneyState.FAILED else None,
    )


def failure_of(code: str, message: str) -> Failure:
    """Return why no money was taken, in our words."""
    return Failure(DECLINES.get(code, "declined"), message)


def _amounts(document: Mapping[str, Any], state: MoneyState) -> tuple[Money, Money]:
    """Return what was to be paid, and what of it was given back."""
    currency = document.get("currency")
    if not isinstance(currency, str) or not takes(currency):
        raise NotUnderstood("an unknown currency")
    total = _minor(document.get("totalAmount"), currency)
    balance = _minor(document.get("balanceAmount"), currency)
    if balance > total:
        raise NotUnderstood("more is left than was paid")
    refunded = total - balance
    if state is MoneyState.REFUNDED and balance:
        raise NotUnderstood("all was given back, and something is left")
    if state is MoneyState.CAPTURED:
        is_partial = document["status"] == "PARTIAL_CANCELED"
        if is_partial != (refunded > 0) or (is_partial and balance == 0):
            raise NotUnderstood("status and amounts contradict each other")
    elif state is not MoneyState.REFUNDED:
        refunded = 0
    return Money(total, currency), Money(refunded, currency)


def _minor(number: object, currency: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise NotUnderstood("an amount is no number")
    try:
        minor = Decimal(str(number)).scaleb(_DIGITS[currency])
    except InvalidOperation as error:
        raise NotUnderstood("an amount is out of range") from error
    if minor != minor.to_integral_value() or not 0 <= minor <= LARGEST:
        raise NotUnderstood("an amount has no whole number of minor units")
    return int(minor)


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= 40:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise NotUnderstood("a time is none") from error
        if moment.tzinfo is not None:
            return moment
    raise NotUnderstood("a time is none")


def _failure(document: Mapping[str, Any]) -> Failure:
    failure = document.get("failure")
    words = failure if isinstance(failure, dict) else {}
    code, message = words.get("code"), words.get("message")
    default = "EXPIRED_PAYMENT" if document["status"] == "EXPIRED" else ""
    return failure_of(
        code if isinstance(code, str) else default,
        message[:300] if isinstance(message, str) else "",
    )
