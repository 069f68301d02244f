"""The checkout: what is held, for how long, and paying for it."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse

from idempotency.values import Lease
from kernel.errors import DomainError
from payments import gateways
from payments import queries as payments
from payments.public import FAILED, PAID, PROCESSING, REQUIRES_ACTION
from payments.queries import PaymentNotFound, PaymentResult
from payments.refund_queries import fee_table
from payments.usecases import checkout as paying
from points import queries as points
from reservations import queries
from reservations.api.serializers import ReservationSerializer
from reservations.operations import ReservationNotFound
from reservations.queries import ReservationDetail
from reservations.usecases import holds
from storefront.forms import PayForm
from storefront.once import SeeOther, new_key, once
from storefront.private import Visit, private, private_page
from tickets import queries as tickets

_PENDING, _CONFIRMED = "PENDING", "CONFIRMED"


@private("GET", "HEAD", "POST", post="pay")
def checkout(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show a hold and the ways to pay for it; pay, take more time, or give the seats back."""
    held = own_reservation(visit, reservation_id)
    if held.status == _CONFIRMED:
        return SeeOther(reverse("storefront:done", args=[reservation_id]))
    action = visit.form.get("action", "pay") if visit.request.method == "POST" else None
    form = PayForm(visit.form if action == "pay" else None, card=gateways.current() is not None)
    refusal = None
    try:
        if action == "extend":
            holds.extend(reservation_id=reservation_id, user_id=visit.user_id, now=visit.now)
            return SeeOther(visit.request.path)
        if action == "release":
            holds.release(reservation_id=reservation_id, user_id=visit.user_id, now=visit.now)
            return SeeOther(reverse("storefront:performance", args=[held.performance.pk]))
        if action == "pay" and form.is_valid():
            return once(visit, lambda lease: _pay(visit, reservation_id, form, lease))
    except DomainError as error:
        refusal = error
        held = own_reservation(visit, reservation_id)
    return _page(visit, held, form, refusal)


@private("GET", "HEAD")
def done(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show what was bought, with its tickets."""
    bought = own_reservation(visit, reservation_id)
    if bought.status == _PENDING:
        return SeeOther(reverse("storefront:checkout", args=[reservation_id]))
    return private_page(
        visit,
        "storefront/done.html",
        "done",
        reservation=bought,
        tickets=tickets.of_reservation(reservation_id=reservation_id, user_id=visit.user_id),
    )


def own_reservation(visit: Visit, reservation_id: UUID) -> ReservationDetail:
    """Return the caller's reservation; raises ReservationNotFound, for others' too."""
    found = queries.find(reservation_id=reservation_id, user_id=visit.user_id, now=visit.now)
    if found is None:
        raise ReservationNotFound
    return found


def latest_payment(visit: Visit, reservation: ReservationDetail) -> PaymentResult | None:
    """Return the latest payment of a reservation of the caller."""
    if reservation.payment is None:
        return None
    try:
        return payments.payment(payment_id=reservation.payment["id"], user_id=visit.user_id)
    except PaymentNotFound:
        return None


def _pay(visit: Visit, reservation_id: UUID, form: PayForm, lease: Lease) -> str:
    """Begin to pay; return where to go on: the tickets, the gateway's page, or the waiting page."""
    back = reverse("storefront:payment-return", args=[reservation_id])
    payment = paying.begin(
        user_id=visit.user_id,
        reservation_id=reservation_id,
        method=form.cleaned_data["method"],
        points_amount=form.points_part,
        payment_id=lease.resource_id,
        request_key=lease.request_key,
        resumed=lease.resumed,
        now=visit.now,
        return_url=settings.FRONTROW_URL + back,
    )
    if payment.status == REQUIRES_ACTION and payment.checkout_url:
        return payment.checkout_url
    if payment.status == PAID:
        return reverse("storefront:done", args=[reservation_id])
    return f"{back}?payment={payment.id}"


def _page(
    visit: Visit, held: ReservationDetail, form: PayForm, refusal: DomainError | None
) -> HttpResponseBase:
    key = held.id
    api = f"/api/v1/reservations/{key}/"
    payment = latest_payment(visit, held)
    back = reverse("storefront:payment-return", args=[key])
    balance = points.balance(user_id=visit.user_id)
    data: dict[str, Any] = {
        "now": visit.now,
        "reservation": ReservationSerializer(held).data,
        "performance": {"id": held.performance.pk},
        "points": balance.as_json(),
        "card": "points_amount" in form.fields,
        "urls": {
            "reservation": api,
            "extend": f"{api}extend/",
            "payments": "/api/v1/payments/",
            "payment": "/api/v1/payments/{payment}/",
            "return": settings.FRONTROW_URL + back,
            "done": reverse("storefront:done", args=[key]),
            "seats": reverse("storefront:seats", args=[held.performance.pk]),
            "self": visit.request.path,
        },
    }
    return private_page(
        visit,
        "storefront/checkout.html",
        "checkout",
        data=data,
        script="checkout.js",
        refusal=refusal,
        reservation=held,
        is_payable=held.status == _PENDING,
        can_extend=held.status == _PENDING and held.expires_at < held.extendable_until,
        is_processing=payment is not None and payment.status == PROCESSING,
        open_payment=payment if payment and payment.status == REQUIRES_ACTION else None,
        failure=payment.failure if payment and payment.status == FAILED else None,
        form=form,
        balance=balance,
        fees=fee_table(performance_id=held.performance.pk).fees,
        idempotency_key=new_key(),
        return_url=back,
        seats_url=reverse("storefront:seats", args=[held.performance.pk]),
    )
