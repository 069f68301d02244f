"""The public pages of concerts and performances."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request

from catalogue import queries
from catalogue.api.pagination import ConcertPages
from kernel import clock
from kernel.http.bundles import bundle
from kernel.http.methods import safe_only
from kernel.money import DEFAULT_CURRENCY
from payments.refund_queries import fee_table
from queueing.queries import draw_facts
from storefront import calendars, shows
from storefront.page_facts import login_url, page_data
from storefront.public import public_document, public_page
from storefront.search import SearchForm

_OPENINGS = 6
_CALENDAR = "text/calendar; charset=utf-8"


@safe_only
def home(request: HttpRequest) -> HttpResponseBase:
    """Show the soonest openings, what is on sale, and the search."""
    now = clock.now()
    form = SearchForm(request.GET)
    cursor = request.GET.get("cursor", "")

    def facts() -> dict[str, Any]:
        wanted = form.wanted
        pages = ConcertPages()
        rows = pages.paginate_queryset(
            queries.concert_list(wanted, now=now), Request(request), view=None
        )
        pages.base_url = f"{request.path}?{form.query}"
        by_concert = queries.by_concert([row.pk for row in rows or []], now=now)
        is_search = bool(form.query)
        is_first = not (is_search or cursor)
        openings = queries.soonest_openings(now=now, limit=_OPENINGS) if is_first else []
        return {
            "form": form,
            "is_search": is_search,
            "openings": [
                {"facts": shows.performance_facts(one), "at": shows.opens_at(one)}
                for one in openings
            ],
            "concerts": [
                shows.concert_facts(row, by_concert.get(row.pk, [])) for row in rows or []
            ],
            "following": pages.get_next_link(),
            "preceding": pages.get_previous_link(),
            "script": bundle("site.js"),
            "fr_data": page_data("home", path=request.path),
        }

    query = "&".join(part for part in (form.query, f"cursor={cursor}" if cursor else "") if part)
    return public_page(request, "storefront/home.html", facts, now=now, query=query)


@safe_only
def concert(request: HttpRequest, concert_id: UUID) -> HttpResponseBase:
    """Show a concert and its dates."""
    now = clock.now()

    def facts() -> dict[str, Any]:
        row = queries.concert(concert_id)
        performances = queries.by_concert([concert_id], now=now).get(concert_id, [])
        return {
            "concert": shows.concert_facts(row, performances),
            "performances": [shows.performance_facts(one) for one in performances],
            "events": shows.events_script(row, performances),
            "script": bundle("site.js"),
            "fr_data": page_data("concert", path=request.path),
        }

    return public_page(request, "storefront/concert.html", facts, now=now)


@safe_only
def performance(request: HttpRequest, performance_id: UUID) -> HttpResponseBase:
    """Show one performance, its sale, and the one button that is right now."""
    now = clock.now()

    def facts() -> dict[str, Any]:
        summary = queries.performance(performance_id, now=now)
        shown = shows.performance_facts(summary)
        has_room = summary.queue is not None
        return {
            "performance": shown,
            "concert": shows.concert_facts(summary.row.concert, [summary]),
            "step": shows.next_step(summary),
            "opens_at": shows.opens_at(summary),
            "fees": shows.fee_lines(
                fee_table(performance_id=performance_id),
                currency=summary.grades[0].row.money.currency
                if summary.grades
                else DEFAULT_CURRENCY,
            ),
            "draw": draw_facts(performance_id) if has_room else None,
            "clock_url": f"/api/v1/performances/{performance_id}/availability/",
            "check_login_url": login_url(request.path),
            "events": shows.events_script(summary.row.concert, [summary]),
            "script": bundle("site.js"),
            "fr_data": page_data(
                "performance",
                path=request.path,
                performance=shown,
                urls={
                    "performance": f"/api/v1/performances/{performance_id}/",
                    "queue": reverse("storefront:queue", args=[performance_id]),
                    "seats": reverse("storefront:seats", args=[performance_id]),
                },
            ),
        }

    return public_page(request, "storefront/performance.html", facts, now=now)


@safe_only
def opening_calendar(request: HttpRequest, performance_id: UUID) -> HttpResponseBase:
    """Return the opening that a fan waits for, for calendars; 404 where there is none."""
    now = clock.now()

    def content() -> bytes:
        found = calendars.opening_of(queries.performance(performance_id, now=now))
        if found is None:
            raise Http404
        return found

    response = public_document(request, content, now=now, content_type=_CALENDAR)
    response.headers["Content-Disposition"] = 'attachment; filename="opening.ics"'
    return response
