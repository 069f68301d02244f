"""The waiting room: a public page for scripts, and a private one without them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from catalogue import queries
from kernel import clock
from kernel.errors import DomainError, Kind
from kernel.http.bundles import bundle
from kernel.http.methods import safe_only
from queueing.errors import QueueTokenInvalid, QueueTokenRequired
from queueing.fan_requests import Applicant
from queueing.places import QueuePlace
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from storefront import shows, turns
from storefront.once import SeeOther
from storefront.page_facts import page_data
from storefront.private import Visit, private, private_page
from storefront.public import public_page

_RETRY_SECONDS = 10
_MOVES = {PlaceState.WAITING, PlaceState.ADMITTED}
_PASSES = {Kind.TOO_MANY, Kind.UNAVAILABLE}


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
            "challenge_script": _challenge_script(),
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

    page = public_page(request, "storefront/queue.html", facts, now=now)
    if _challenge_script():
        page._csp_replace = settings.CSP_OF_CHALLENGES  # type: ignore[attr-defined]  # django-csp's
    return page


def _challenge_script() -> str | None:
    """Return the script of the service that checks fans, where one is configured."""
    return settings.CHALLENGE_SERVICE_SCRIPT if settings.CHALLENGE_SERVICE_SITE_KEY else None


@private("GET", "HEAD", "POST")
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
    seconds = None if visit.request.method == "POST" else _seconds(found, refusal)
    if seconds is not None:
        page.headers["Refresh"] = str(seconds)
    return page


def _seconds(found: QueuePlace | None, refusal: DomainError | None) -> int | None:
    """Return when the page is shown again; None where nothing changes but by its form.

    There it would take what somebody types.
    """
    if found is not None:
        return found.poll_after_seconds if found.state in _MOVES else None
    if refusal is None or refusal.kind not in _PASSES:
        return None
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
