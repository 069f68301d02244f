"""Choosing seats: a public page for the map, and a private list that needs no script."""

import json
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from catalogue import cache, documents, queries
from catalogue.api.seat_views import availability_document
from idempotency.values import Lease
from kernel import clock
from kernel.errors import DomainError
from kernel.http.bundles import bundle
from kernel.http.methods import safe_only
from kernel.i18n import localized
from reservations.policy import MAX_SEATS_PER_REQUEST
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.usecases import holds
from storefront import shows, turns
from storefront.forms import BestSeatsForm, SeatsForm
from storefront.once import new_key, once
from storefront.page_facts import page_data
from storefront.private import Visit, private, private_page
from storefront.public import public_page

_FREE = "A"
_HELD = "TEMPORARILY_RESERVED"


@safe_only
def seat_map(request: HttpRequest, performance_id: UUID) -> HttpResponseBase:
    """Show the map; the same for everybody: seats and states come by the API."""
    now = clock.now()
    api = f"/api/v1/performances/{performance_id}"

    def facts() -> dict[str, Any]:
        shown = shows.performance_facts(queries.performance(performance_id, now=now))
        list_url = reverse("storefront:seat-list", args=[performance_id])
        checkout = reverse("storefront:checkout", args=[UUID(int=0)])
        return {
            "performance": shown,
            "list_url": list_url,
            "script": bundle("seats.js"),
            "fr_data": page_data(
                "seats",
                path=request.path,
                performance=shown,
                urls={
                    "seatmap": f"{api}/seatmap/",
                    "outline": f"{api}/seatmap/outline/",
                    "availability": f"{api}/availability/",
                    "performance": f"{api}/",
                    "reservations": "/api/v1/reservations/",
                    "points": "/api/v1/points/",
                    "checkout": checkout.replace(str(UUID(int=0)), "{reservation}"),
                    "queue": reverse("storefront:queue", args=[performance_id]),
                    "list": list_url,
                    "performance_page": shown["url"],
                    "worker": bundle("worker.js"),
                },
            ),
        }

    return public_page(request, "storefront/seats.html", facts, now=now)


@private("GET", "HEAD", "POST")
def seat_list(visit: Visit, performance_id: UUID) -> HttpResponseBase:
    """Show sections, rows and seats as a form, and a form for the best seats; hold by either."""
    summary = queries.performance(performance_id, now=visit.now)
    grades = [(grade.row.code, localized(grade.row, "name")) for grade in summary.grades]
    is_best = visit.form.get("action") == "best"
    is_sent = visit.request.method == "POST"
    best = BestSeatsForm(visit.form if is_sent and is_best else None, grades=grades)
    chosen = SeatsForm(visit.form if is_sent and not is_best else None)
    refusal = None
    if is_sent and (best if is_best else chosen).is_valid():
        wish = Wish(**best.cleaned_data) if is_best else None
        seat_ids = () if is_best else chosen.cleaned_data["seat"]
        try:
            return once(visit, lambda lease: _hold(visit, performance_id, seat_ids, wish, lease))
        except DomainError as error:
            refusal = error
    statuses = _statuses(performance_id, visit)
    gone = {str(seat) for seat in refusal.extras.get("seat_ids", ())} if refusal else set()
    code = visit.request.GET.get("section", "")
    return private_page(
        visit,
        "storefront/seat_list.html",
        "seat_list",
        refusal=refusal,
        performance=shows.performance_facts(summary),
        sections=_sections(performance_id, statuses),
        section=code,
        rows=_rows(performance_id, code, statuses, gone) if code else None,
        best=best,
        seats=chosen,
        seat_ids=set(visit.form.getlist("seat")) - gone,
        most=summary.policy.max_seats_per_fan if summary.policy else MAX_SEATS_PER_REQUEST,
        idempotency_key=new_key(),
        map_url=reverse("storefront:seats", args=[performance_id]),
        queue_url=reverse("storefront:place", args=[performance_id]),
    )


def _hold(
    visit: Visit, performance_id: UUID, seat_ids: Any, wish: Wish | None, lease: Lease
) -> str:
    """Hold the seats; return the address of the checkout."""
    options: dict[str, Any] = {
        "user_id": visit.user_id,
        "performance_id": performance_id,
        "reservation_id": lease.resource_id,
        "queue_token": turns.pass_for(visit, performance_id),
        "now": visit.now,
        "resumed": lease.resumed,
        "keyed": True,
        "client_ip": visit.client_ip,
    }
    hold: ReservationDetail = (
        holds.place(seat_ids=seat_ids, **options)
        if wish is None
        else holds.place_best(wish=wish, **options)
    )
    return reverse("storefront:checkout", args=[hold.id])


def _statuses(performance_id: UUID, visit: Visit) -> str:
    """Return a letter a seat, at most a second old, as the API says it."""
    document = cache.read(
        cache.AVAILABILITY,
        str(performance_id),
        build=lambda: availability_document(performance_id, now=visit.now),
        now=visit.now,
        has_words=False,
    )
    return str(json.loads(document.body)["statuses"])


def _sections(performance_id: UUID, statuses: str) -> list[dict[str, Any]]:
    return [
        {
            "code": one.row.code,
            "name": localized(one.row, "name"),
            "grade": localized(one.row.grade, "name"),
            "price": one.row.grade.money,
            "free": statuses[one.first_index : one.first_index + one.seats].count(_FREE),
        }
        for one in queries.sections_of(performance_id)
    ]


def _rows(
    performance_id: UUID, section: str, statuses: str, gone: set[str]
) -> list[dict[str, Any]] | None:
    """Return the rows of a section with their seats; None for a section that is not there.

    Seats that are `gone` are held by others, which the statuses may not yet say.
    """
    found = queries.seat_list(performance_id, section=section)
    if found is None:
        return None
    seats = [seat for seat in found.order_by("index") if seat.index < len(statuses)]
    shown = [
        seat | {"status": _HELD} if str(seat["id"]) in gone else seat
        for seat in documents.seat_states(seats, statuses)
    ]
    return [
        {"label": label, "seats": list(row)}
        for label, row in groupby(shown, key=lambda seat: seat["row"])
    ]
