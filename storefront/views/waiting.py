"""The waiting room: a public page for scripts, and a private one without them."""

from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from catalogue import queries
from kernel import clock
from kernel.errors import DomainError
from kernel.http.methods import safe_only
from queueing.errors import QueueTokenInvalid, QueueTokenRequired
from queueing.fan_requests import Applicant
from queueing.places import QueuePlace
from queueing.usecases import waiting_room
from storefront import shows, turns
from storefront.once import SeeOther
from storefront.page_facts import bundle, page_data
from storefront.private import Visit, private, private_page
from storefront.public import public_page

_RETRY_SECONDS = 10


def _with_widget(view: Any) -> Any:
    """Let the page show the widget of a service that checks fans, where one is configured."""
    if not settings.CHALLENGE_SERVICE_SITE_KEY:
        return view
    origin = [settings.CHALLENGE_ORIGIN]
    return csp_update({"script-src": origin, "frame-src": origin})(view)


@_with_widget
@safe_only
def room(request: HttpRequest, performance_id: UUID) -> HttpResponseBase:
    """Show the waiting room; the same for everybody, and good without the API once loaded."""
    now = clock.now()
    api = f"/api/v1/performances/{performance_id}"

    def facts() -> dict[str, Any]:
        shown = shows.performance_facts(queries.performance(performance_id, now=now))
        return {
            "performance": shown,
            "plain_url": reverse("storefront:place", args=[performance_id]),
            "script": bundle("queue.js"),
            "fr_data": page_data(
                "queue",
                path=request.path,
                performance=shown,
                challenge_site_key=settings.CHALLENGE_SERVICE_SITE_KEY or None,
                urls={
                    "join": f"{api}/queue/",
                    "place": f"{api}/queue/me/",
                    "status": f"{api}/queue/",
                    "availability": f"{api}/availability/",
                    "draw": f"{api}/draw/",
                    "performance": f"{api}/",
                    "performance_page": shown["url"],
                    "seats": reverse("storefront:seats", args=[performance_id]),
                    "list": reverse("storefront:seat-list", args=[performance_id]),
                    "plain": reverse("storefront:place", args=[performance_id]),
                    "worker": bundle("worker.js"),
                },
            ),
        }

    return public_page(request, "storefront/queue.html", facts, now=now)


@private("GET", "HEAD", "POST", post=None)
def place(visit: Visit, performance_id: UUID) -> HttpResponseBase:
    """Show a fan's place, and again by itself; join or leave by a button."""
    if visit.form.get("action") == "leave":
        waiting_room.leave(user_id=visit.user_id, performance_id=performance_id, now=visit.now)
        turns.forget_token(visit, performance_id)
        return SeeOther(reverse("storefront:place", args=[performance_id]))
    found, refusal = None, None
    try:
        if visit.request.method == "POST":
            _join(visit, performance_id)
            return SeeOther(reverse("storefront:place", args=[performance_id]))
        found = _place(visit, performance_id)
    except DomainError as error:
        refusal = error
    summary = queries.performance(performance_id, now=visit.now)
    page = private_page(
        visit,
        "storefront/place.html",
        "place",
        refusal=refusal,
        place=found,
        performance=shows.performance_facts(summary),
        seats_url=reverse("storefront:seat-list", args=[performance_id]),
    )
    asks_again = visit.request.method != "POST" and (found is not None or refusal is not None)
    if asks_again:
        page.headers["Refresh"] = str(_seconds(found, refusal))
    return page


def _seconds(found: QueuePlace | None, refusal: DomainError | None) -> int:
    if found is not None:
        return found.poll_after_seconds
    assert refusal is not None
    return refusal.retry_after or _RETRY_SECONDS


def _join(visit: Visit, performance_id: UUID) -> None:
    applicant = Applicant(
        client_ip=visit.client_ip,
        invitation_code=visit.form.get("invitation_code", "").strip()[:1024] or None,
    )
    turns.join(visit, performance_id, applicant=applicant)


def _place(visit: Visit, performance_id: UUID) -> QueuePlace | None:
    """Return the fan's place; None for one who has not joined in this browser."""
    token = turns.token_of(visit, performance_id)
    if token is None:
        return None
    try:
        return waiting_room.poll(
            user_id=visit.user_id, performance_id=performance_id, token=token, now=visit.now
        )
    except (QueueTokenInvalid, QueueTokenRequired):
        turns.forget_token(visit, performance_id)
        return None
