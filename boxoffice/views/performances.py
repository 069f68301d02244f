"""The list of performances, and the board of one."""

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from boxoffice import board as boards
from boxoffice import performances
from boxoffice.deeds import WATCH
from boxoffice.staff_pages import StaffVisit, show, staff_page


@staff_page(WATCH)
def home(visit: StaffVisit) -> HttpResponseBase:
    """List the performances that are not over; those that need attention stand first."""
    return show(visit, "boxoffice/home.html", listed=performances.ahead(now=visit.now))


@staff_page(WATCH)
def board(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show how a performance's sale stands; the script keeps it up to date (Note [Board])."""
    found = performances.find(performance_id, now=visit.now)
    api = f"/api/v1/performances/{performance_id}"
    data = {
        "figures": boards.figures(found, now=visit.now),
        "urls": {
            "figures": reverse("boxoffice:figures", args=[performance_id]),
            "login": reverse("admin:login"),
            "seatmap": f"{api}/seatmap/",
            "availability": f"{api}/availability/",
        },
        "is_public": found.sale.performance.is_public() and found.sale.is_on_sale,
    }
    return show(
        visit,
        "boxoffice/board.html",
        script="board.js",
        data=data,
        one=found,
        figures=data["figures"],
        here="board",
    )


@staff_page(WATCH)
def figures(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Return the figures of a board as JSON, at most two seconds old."""
    document = boards.document(performance_id, now=visit.now)
    return HttpResponse(document.body, content_type="application/json")
