"""The door's pages: choose a performance, scan, see what was refused later."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import queries as accounts
from boxoffice import fans, performances
from boxoffice.deeds import CHECK_IN, WATCH_DOOR
from boxoffice.performances import Listed
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel import clock
from kernel.http.bundles import bundle
from kernel.signing.jwks import public_jwks
from tickets import refused_queries
from tickets.refused_queries import RefusedScans
from tickets.usecases import checkins

LISTED = 500  # conflicts on the page
_HOME_KEPT = timedelta(days=3)  # on a device, from which an app opens without a network
_KEPT_UNTIL = "Door-Kept-Until"  # the header that lets the service worker keep a page
_STYLES = ("staff.css", "door.css")
_NEAR = timedelta(hours=18)  # before the start: then a performance stands on top
_DOCUMENTS = ("scan", "batch", "undo", "list", "search")


@staff_page(CHECK_IN)
def home(visit: StaffVisit) -> HttpResponseBase:
    """List the performances whose doors may be worked at; the script goes on where it was."""
    listed = [one for one in performances.ahead(now=visit.now) if one.sale.is_on_sale]
    listed.sort(key=lambda one: one.sale.performance.starts_at)
    page = show(
        visit,
        "boxoffice/door/home.html",
        script="door.js",
        styles=_STYLES,
        data={"page": "home", "urls": {"keeper": reverse("door:keeper")}},
        near=[one for one in listed if _is_near(one, visit.now)],
        later=[one for one in listed if not _is_near(one, visit.now)],
    )
    page.headers[_KEPT_UNTIL] = clock.as_text(visit.now + _HOME_KEPT)
    return page


@staff_page(CHECK_IN)
def gate(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show the page on which tickets are scanned; its script does the rest."""
    one = performances.find(performance_id, now=visit.now)
    page = show(
        visit,
        "boxoffice/door/gate.html",
        script="door.js",
        styles=_STYLES,
        data=_data(one),
        one=one,
    )
    page._csp_replace = settings.CSP_OF_SCANNING  # type: ignore[attr-defined]  # django-csp's
    page.headers["Permissions-Policy"] = settings.PERMISSIONS_OF_SCANNING
    kept_until = checkins.door_times(one.sale.performance).kept_until
    page.headers[_KEPT_UNTIL] = clock.as_text(kept_until)
    return page


def _data(one: Listed) -> dict[str, Any]:
    """Return what the script needs, without a network too: addresses and public keys."""
    performance = one.sale.performance
    times = checkins.door_times(performance)
    urls = {name: reverse(f"door_documents:{name}", args=[performance.pk]) for name in _DOCUMENTS}
    return {
        "page": "gate",
        "performance": {
            "id": performance.pk,
            "title": one.title,
            "opens_at": times.opens_at,
            "closes_at": times.closes_at,
            "kept_until": times.kept_until,
        },
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "keys": [key for key in public_jwks()["keys"] if key["frontrow_use"] == "ticket"],
        "urls": urls
        | {
            "keys": reverse("jwks"),
            "keeper": reverse("door:keeper"),
            "reader": bundle("reader.js"),
            "wasm": bundle("zxing_reader.wasm"),
        },
    }


@staff_page(WATCH_DOOR)
def conflicts(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """List the scans that a gate let in without a network and that were refused when sent."""
    one = performances.find(performance_id, now=visit.now)
    refused = refused_queries.refused_scans(performance_id=performance_id, limit=LISTED)
    return show(
        visit,
        "boxoffice/door/conflicts.html",
        script="door.js",
        styles=_STYLES,
        data={"page": "conflicts"},
        one=one,
        rows=_rows(refused),
        earlier=refused.kept - len(refused.rows),
        unlisted=refused.unlisted,
    )


def _rows(refused: RefusedScans) -> list[dict[str, Any]]:
    """Return each scan with the name of who made it: a member of staff, or an API key."""
    people = accounts.people({row.actor_id for row in refused.rows if row.actor_id})
    keys = accounts.api_key_names({row.api_key_id for row in refused.rows if row.api_key_id})
    names = {who: fans.name_of(person, whole=True) for who, person in people.items()} | keys
    return [
        {"scan": row, "by": names[who] if (who := row.api_key_id or row.actor_id) in names else ""}
        for row in refused.rows
    ]


def _is_near(one: Listed, now: datetime) -> bool:
    return one.sale.performance.starts_at - _NEAR <= now
