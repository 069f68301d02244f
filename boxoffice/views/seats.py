"""Seats on sale: choose an area, see what is in it, block or unblock it."""

import json
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from boxoffice import performances
from boxoffice.deeds import BLOCK_SEATS, WATCH
from boxoffice.forms import AreaForm, BlockForm
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError
from kernel.i18n import text
from reservations import queries
from reservations.availability import NAMES
from reservations.policy import MAX_SEATS_PER_BLOCK
from reservations.queries import SeatArea, StaffSeat
from reservations.usecases import inventory

NAMED = 40  # seats that a page names before it counts the rest


@staff_page(WATCH, do=BLOCK_SEATS)
def areas(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show an area's seats by their state; block the free or unblock the blocked ones."""
    one = performances.find(performance_id, now=visit.now)
    query = visit.request.GET
    area = AreaForm(query or None)
    is_chosen = area.is_bound and area.is_valid()
    chosen: list[StaffSeat] = []
    if is_chosen:
        chosen = queries.seats_in(performance_id=performance_id, area=area.area(), now=visit.now)
    form = BlockForm(visit.form)
    refusal: DomainError | None = None
    if visit.is_form and is_chosen and form.is_valid():
        try:
            _do(visit, chosen, form.reason)
        except DomainError as error:
            refusal = error
        else:
            return redirect(f"{visit.request.path}?{urlencode(query)}")
    counts = Counter(seat.letter for seat in chosen)
    return show(
        visit,
        "boxoffice/seats.html",
        script="area.js",
        data={"urls": {"map": reverse("boxoffice:seat_map", args=[performance_id])}},
        refusal=refusal,
        one=one,
        here="seats",
        area=area,
        form=form,
        is_chosen=is_chosen,
        chosen=chosen,
        counts={name: counts[letter] for letter, name in NAMES.items()},
        taken=named([seat for seat in chosen if seat.letter in "TR"]),
        most=MAX_SEATS_PER_BLOCK,
    )


@staff_page(WATCH)
def seat_map(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Return every seat on sale as `[x, y, letter]`, in JSON."""
    everything = SeatArea()
    seats = queries.seats_in(performance_id=performance_id, area=everything, now=visit.now)
    body = json.dumps([[seat.x, seat.y, seat.letter] for seat in seats], separators=(",", ":"))
    return HttpResponse(body, content_type="application/json")


def named(seats: Sequence[StaffSeat]) -> str:
    """Return the names of seats, as far as a page has room, and how many more there are."""
    names = ", ".join(f"{seat.section} {seat.row}-{seat.number}" for seat in seats[:NAMED])
    more = len(seats) - NAMED
    return names + (str(text(en=f" and {more} more", ko=f" 외 {more}석")) if more > 0 else "")


def _do(visit: StaffVisit, chosen: Sequence[StaffSeat], reason: str) -> None:
    seat_ids, actor_id, now = [seat.seat_id for seat in chosen], visit.actor_id, visit.now
    action = visit.form.get("action")
    if action == "unblock":
        changed = inventory.unblock(seat_ids=seat_ids, reason=reason, actor_id=actor_id, now=now)
        visit.say(text(en=f"{changed} seats unblocked.", ko=f"{changed}석의 차단을 해제했습니다."))
    elif action == "block":
        done = inventory.block_free(seat_ids=seat_ids, reason=reason, actor_id=actor_id, now=now)
        visit.say(text(en=f"{done.changed} seats blocked.", ko=f"{done.changed}석을 차단했습니다."))
        refused = set(done.refused)
        left = named([seat for seat in chosen if seat.seat_id in refused])
        if left:
            visit.say(
                text(
                    en=f"Held or sold, and left alone: {left}.",
                    ko=f"선점·판매되어 그대로 둔 좌석: {left}.",
                )
            )
