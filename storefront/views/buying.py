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
from payments.offer_queries import payment_of_offered
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
from storefront.shows import fee_lines
from tickets import queries as tickets

_PENDING, _CONFIRMED, _CANCELLED = "PENDING", "CONFIRMED", "CANCELLED"


@private("GET", "HEAD", "POST", post="pay")
def checkout(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show a hold and the ways to pay for it; pay, take more time, or give the seats back."""
    held = own_reservation(visit, reservation_id)
    payment = latest_payment(visit, held)
    elsewhere = _elsewhere(held, payment)
    if elsewhere is not None:
        return SeeOther(elsewhere)
    action = visit.form.get("action")
    form = PayForm(visit.form if action == "pay" else None, card=gateways.current() is not None)
    refusal = None
    try:
        if action == "pay" and form.is_valid():
            return once(visit, lambda lease: _pay(visit, held.id, form, lease), action=action)
        if action == "extend":
            return once(visit, lambda lease: _extend(visit, held), action=action)
        if action == "release":
            return once(visit, lambda lease: _release(visit, held), action=action)
    except DomainError as error:
        refusal = error
        held = own_reservation(visit, reservation_id)
        payment = latest_payment(visit, held)
    if refusal is not None and held.status != _PENDING and payment is not None:
        # What a refusal says of money is true of this request alone; the page says how it stands.
        return SeeOther(visit.request.path)
    return _page(visit, held, payment, form, refusal)


@private("GET", "HEAD")
def done(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show what was bought, with its tickets."""
    bought = own_reservation(visit, reservation_id)
    if bought.status != _CONFIRMED:
        page = "checkout" if bought.status == _PENDING else "reservation"
        return SeeOther(reverse(f"storefront:{page}", args=[reservation_id]))
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


def _elsewhere(held: ReservationDetail, payment: PaymentResult | None) -> str | None:
    """Return the page of a reservation that nobody has to pay for any more, or None."""
    if held.status == _CONFIRMED:
        return reverse("storefront:done", args=[held.id])
    if held.status == _CANCELLED:
        return reverse("storefront:reservation", args=[held.id])
    if payment is not None and payment.offer is not None:
        return reverse("storefront:offer", args=[payment.id])
    if payment is not None and payment.status == PAID:  # it has bought the seats of an offer
        return reverse("storefront:done", args=[payment.reservation.id])
    if held.status == _PENDING and payment is None:
        offered = payment_of_offered(reservation_id=held.id)
        return reverse("storefront:offer", args=[offered]) if offered else None
    return None


def _extend(visit: Visit, held: ReservationDetail) -> str:
    holds.extend(reservation_id=held.id, user_id=visit.user_id, now=visit.now)
    return visit.request.path


def _release(visit: Visit, held: ReservationDetail) -> str:
    holds.release(reservation_id=held.id, user_id=visit.user_id, now=visit.now)
    return reverse("storefront:performance", args=[held.performance.pk])


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
    visit: Visit,
    held: ReservationDetail,
    payment: PaymentResult | None,
    form: PayForm,
    refusal: DomainError | None,
) -> HttpResponseBase:
    back = reverse("storefront:payment-return", args=[held.id])
    seats = reverse("storefront:seats", args=[held.performance.pk])
    balance = points.balance(user_id=visit.user_id)
    fees = fee_table(performance_id=held.performance.pk)
    is_processing = payment is not None and payment.status == PROCESSING
    return private_page(
        visit,
        "storefront/checkout.html",
        "checkout",
        data=_data(visit, held, form, back, seats)
        | {"points": balance.as_json(), "processing": is_processing},
        script="checkout.js",
        refusal=refusal,
        reservation=held,
        payment=payment,
        is_processing=is_processing,
        is_payable=held.status == _PENDING and not is_processing,
        can_extend=held.expires_at < held.extendable_until,
        open_payment=payment if payment and payment.status == REQUIRES_ACTION else None,
        failure=payment.failure if payment and payment.status == FAILED else None,
        form=form,
        balance=balance,
        fees=fee_lines(fees, currency=held.amount.currency),
        idempotency_key=new_key(),
        return_url=back,
        seats_url=seats,
    )


def _data(
    visit: Visit, held: ReservationDetail, form: PayForm, back: str, seats: str
) -> dict[str, Any]:
    """Return what the page hands to its script."""
    api = f"/api/v1/reservations/{held.id}/"
    return {
        "now": visit.now,
        "reservation": ReservationSerializer(held).data,
        "performance": {"id": held.performance.pk},
        "card": "points_amount" in form.fields,
        "urls": {
            "reservation": api,
            "extend": f"{api}extend/",
            "payments": "/api/v1/payments/",
            "payment": "/api/v1/payments/{payment}/",
            "return": settings.FRONTROW_URL + back,
            "done": reverse("storefront:done", args=[held.id]),
            "reservation_page": reverse("storefront:reservation", args=[held.id]),
            "seats": seats,
            "self": visit.request.path,
        },
    }
