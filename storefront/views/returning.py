"""Coming back from the gateway's page: a GET shows, a button confirms.

What stands in the address is anybody's word: it only fills the form. The use case judges whether
the key is of this payment, and the gateway whether there is money.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse

from idempotency.values import Lease
from kernel.errors import DomainError
from payments import queries
from payments.errors import PaymentKeyInvalid
from payments.models.received import PAYMENT_KEY_LENGTH
from payments.public import PAID, PROCESSING
from payments.queries import ChargeResult, PaymentResult
from payments.usecases import charging
from payments.usecases import checkout as paying
from reservations.usecases.holds import PaymentInProgress
from storefront.once import SeeOther, new_key, once
from storefront.private import Visit, private, private_page

_ASK_AGAIN_SECONDS = 3


@dataclass(frozen=True, slots=True)
class _Way:
    """What differs between a payment and a charge: its name, where it leads, what confirms it.

    `look` reads it again.
    """

    kind: str
    result: PaymentResult | ChargeResult
    api: str
    done: str
    back: str
    confirm: Callable[[str, bool], Any]
    look: Callable[[], PaymentResult | ChargeResult]


@private("GET", "HEAD", "POST", post="pay")
def payment(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show how a payment stands; confirm it, or give it up, by a button."""
    payment_id = _id_of(visit, "payment")
    refusal = None
    if visit.form.get("action") == "abandon":
        try:
            paying.abandon(payment_id=payment_id, user_id=visit.user_id, now=visit.now)
            return SeeOther(reverse("storefront:checkout", args=[reservation_id]))
        except PaymentInProgress as error:
            refusal = error

    def look() -> PaymentResult:
        return queries.payment(payment_id=payment_id, user_id=visit.user_id)

    found = look()
    if found.offer is not None:
        return SeeOther(reverse("storefront:offer", args=[payment_id]))
    return _shown(
        visit,
        _Way(
            kind="payment",
            result=found,
            api=f"/api/v1/payments/{payment_id}/",
            done=reverse("storefront:done", args=[found.reservation.id]),
            back=reverse("storefront:checkout", args=[found.reservation.id]),
            look=look,
            confirm=lambda key, resumed: paying.confirm(
                payment_id=payment_id,
                user_id=visit.user_id,
                payment_key=key,
                resumed=resumed,
                now=visit.now,
            ),
        ),
        refusal,
    )


@private("GET", "HEAD", "POST", post="charge")
def charge(visit: Visit) -> HttpResponseBase:
    """Show how a charge of points stands; confirm it by a button."""
    charge_id = _id_of(visit, "charge")
    points = reverse("storefront:points")

    def look() -> ChargeResult:
        return queries.charge(charge_id=charge_id, user_id=visit.user_id)

    return _shown(
        visit,
        _Way(
            kind="charge",
            result=look(),
            look=look,
            api=f"/api/v1/points/charges/{charge_id}/",
            done=points,
            back=points,
            confirm=lambda key, resumed: charging.confirm(
                charge_id=charge_id,
                user_id=visit.user_id,
                payment_key=key,
                resumed=resumed,
                now=visit.now,
            ),
        ),
    )


def _shown(visit: Visit, way: _Way, refusal: DomainError | None = None) -> HttpResponseBase:
    if visit.form.get("action") == "confirm":
        try:
            return once(visit, lambda lease: _confirm(visit, way, lease))
        except DomainError as error:
            refusal = error
            way = replace(way, result=way.look())  # some refusals end the attempt
    if way.result.status == PAID:
        return SeeOther(way.done)
    said = visit.request.GET
    payment_key = said.get("paymentKey", "")[:PAYMENT_KEY_LENGTH]
    is_processing = way.result.status == PROCESSING
    return private_page(
        visit,
        "storefront/return.html",
        "return",
        data={
            "now": visit.now,
            "kind": way.kind,
            way.kind: way.result.id,
            "id": way.result.id,
            "payment_key": payment_key or None,
            "order_id": said.get("orderId") or None,
            "failure": {"code": said["code"][:100]} if said.get("code") else None,
            "urls": {
                "item": way.api,
                "confirm": f"{way.api}confirm/",
                "abandon": f"{way.api}abandon/" if way.kind == "payment" else None,
                "done": way.done,
                "back": way.back,
                "checkout": way.back,
            },
        },
        script="checkout.js",
        refusal=refusal,
        kind=way.kind,
        result=way.result,
        payment_key=payment_key,
        is_declined=bool(said.get("code")),
        # By an element that scripts make the browser pass over: the script asks by itself.
        refresh=f"{_ASK_AGAIN_SECONDS}; url={_without_keys(visit, way)}" if is_processing else "",
        idempotency_key=new_key(),
        back_url=way.back,
    )


def _confirm(visit: Visit, way: _Way, lease: Lease) -> str:
    """Confirm by what the form has; return where to go on, without the gateway's keys."""
    key = visit.form.get("payment_key", "")
    if not 1 <= len(key) <= PAYMENT_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise PaymentKeyInvalid
    result = way.confirm(key, lease.resumed)
    return way.done if result.status == PAID else _without_keys(visit, way)


def _without_keys(visit: Visit, way: _Way) -> str:
    return f"{visit.request.path}?{way.kind}={way.result.id}"


def _id_of(visit: Visit, name: str) -> UUID:
    """Return the id in the address, or in the form."""
    try:
        return UUID(visit.form.get(name) or visit.request.GET.get(name, ""))
    except ValueError:
        raise Http404 from None
