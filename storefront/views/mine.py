"""A fan's own reservations: look, cancel with a quote, answer an offer."""

from collections.abc import Callable
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse

from idempotency.values import Lease
from kernel.errors import DomainError
from payments import queries as payments
from payments.offer_queries import OfferNotFound
from payments.queries import PaymentResult
from payments.refund_queries import given_back
from payments.usecases import refunding
from payments.usecases.checkout import offers
from reservations import queries
from storefront.forms import SeatsForm
from storefront.once import new_key, once
from storefront.paging import page_of
from storefront.private import Visit, private, private_page
from storefront.views.buying import latest_payment, own_reservation
from tickets import queries as tickets

_ANSWERS: dict[str | None, Callable[..., PaymentResult]] = {
    "accept": offers.accept,
    "decline": offers.decline,
}


@private("GET", "HEAD")
def reservations(visit: Visit) -> HttpResponseBase:
    """List the caller's reservations, newest first."""
    page = page_of(visit, queries.mine(user_id=visit.user_id, now=visit.now))
    return private_page(
        visit,
        "storefront/me.html",
        "me",
        reservations=queries.details(page.rows, now=visit.now),
        page=page,
    )


@private("GET", "HEAD")
def reservation(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Show one reservation, its payment, its tickets, and what went back of its money."""
    found = own_reservation(visit, reservation_id)
    returned = given_back(reservation_id=reservation_id)
    return private_page(
        visit,
        "storefront/reservation.html",
        "reservation",
        reservation=found,
        payment=latest_payment(visit, found),
        returned=returned,
        came_late=any(one.paid is None for one in returned),
        tickets=tickets.of_reservation(reservation_id=reservation_id, user_id=visit.user_id),
    )


@private("GET", "HEAD", "POST", post="pay")
def cancel(visit: Visit, reservation_id: UUID) -> HttpResponseBase:
    """Quote what giving seats up gives back, seat by seat; do it by a button."""
    found = own_reservation(visit, reservation_id)
    form = SeatsForm(visit.form if visit.request.method == "POST" else None)
    refusal, quote = None, None
    try:
        if form.is_bound and form.is_valid():
            return once(visit, lambda lease: _cancel(visit, reservation_id, form, lease))
    except DomainError as error:
        refusal = error
    try:
        quote = refunding.quote(reservation_id=reservation_id, user_id=visit.user_id, now=visit.now)
    except DomainError as error:
        refusal = refusal or error
    by_id = {seat.seat_id: seat for seat in found.seats}
    return private_page(
        visit,
        "storefront/cancel.html",
        "cancel",
        refusal=refusal,
        reservation=found,
        quote=quote,
        seats=[(by_id[one.seat_id], one) for one in quote.per_seat] if quote else [],
        form=form,
        idempotency_key=new_key(),
    )


@private("GET", "HEAD", "POST", post="pay")
def offer(visit: Visit, payment_id: UUID) -> HttpResponseBase:
    """Show other seats that are held for late money; take them, or get a refund."""
    refusal = None
    # A form without one of its buttons decides nothing.
    answer = _ANSWERS.get(visit.form.get("action"))
    if answer is not None:
        try:
            return once(visit, lambda lease: _answer(visit, payment_id, answer))
        except DomainError as error:
            refusal = error
    payment = payments.payment(payment_id=payment_id, user_id=visit.user_id)
    if payment.offer is None and refusal is None:
        raise OfferNotFound
    offered = payment.offer
    return private_page(
        visit,
        "storefront/offer.html",
        "offer",
        refusal=refusal,
        payment=payment,
        offer=offered,
        reservation=own_reservation(visit, offered.reservation_id) if offered else None,
        idempotency_key=new_key(),
    )


def _cancel(visit: Visit, reservation_id: UUID, form: SeatsForm, lease: Lease) -> str:
    refunding.cancel(
        reservation_id=reservation_id,
        user_id=visit.user_id,
        seat_ids=form.cleaned_data["seat"],
        cancellation_id=lease.resource_id,
        request_key=lease.request_key,
        resumed=lease.resumed,
        now=visit.now,
    )
    return reverse("storefront:reservation", args=[reservation_id])


def _answer(visit: Visit, payment_id: UUID, answer: Callable[..., PaymentResult]) -> str:
    result = answer(payment_id=payment_id, user_id=visit.user_id, now=visit.now)
    return reverse("storefront:reservation", args=[result.reservation.id])
