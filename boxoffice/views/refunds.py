"""Refund of bought seats: the quote first, the refund by a second press."""

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from boxoffice import fans
from boxoffice.deeds import LOOK_UP_FAN, REFUND, SEE_CONTACTS
from boxoffice.forms import RefundForm
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError
from kernel.i18n import text
from payments.usecases.refunding import by_staff
from reservations import queries
from reservations.operations import ReservationNotFound
from reservations.queries import ReservationDetail


@staff_page(LOOK_UP_FAN, do=REFUND)
def refund(visit: StaffVisit, fan_id: UUID, reservation_id: UUID) -> HttpResponseBase:
    """Choose seats and how; see what goes back; do it."""
    found = queries.find(reservation_id=reservation_id, user_id=fan_id, now=visit.now)
    if found is None:
        raise ReservationNotFound
    form = RefundForm(visit.form, seats=_choices(found))
    quote, refusal = None, None
    try:
        if visit.is_form and form.is_valid():
            if visit.form.get("action") == "confirm":
                return _do(visit, fan_id, reservation_id, form)
            quote = by_staff.quote_for_staff(
                reservation_id=reservation_id,
                seat_ids=form.cleaned_data["seat"],
                goodwill=form.cleaned_data["how"] == "goodwill",
                now=visit.now,
            )
    except DomainError as error:
        refusal = error
    names = {seat.seat_id: f"{seat.section} {seat.row}-{seat.number}" for seat in found.seats}
    return show(
        visit,
        "boxoffice/refund.html",
        refusal=refusal,
        fan=fans.facts(fan_id, whole=visit.may(SEE_CONTACTS)),
        reservation=found,
        form=form,
        quote=quote,
        lines=[(names[one.seat_id], one) for one in quote.per_seat] if quote else [],
    )


def _choices(found: ReservationDetail) -> list[tuple[str, str]]:
    return [
        (str(seat.seat_id), f"{seat.section} {seat.row}-{seat.number}")
        for seat in found.seats
        if seat.status == "RESERVED"
    ]


def _do(
    visit: StaffVisit, fan_id: UUID, reservation_id: UUID, form: RefundForm
) -> HttpResponseBase:
    sent = form.cleaned_data
    done = by_staff.refund(
        reservation_id=reservation_id,
        seat_ids=sent["seat"],
        goodwill=sent["how"] == "goodwill",
        cancellation_id=sent["refund_id"],
        reason=sent["reason"],
        actor_id=visit.actor_id,
        now=visit.now,
    )
    if done.result is None:
        visit.say(text(en="It waits for a second person.", ko="다른 담당자의 승인을 기다립니다."))
    else:
        visit.say(text(en="The seats are refunded.", ko="좌석을 환불했습니다."))
    return redirect("boxoffice:fan", fan_id)
