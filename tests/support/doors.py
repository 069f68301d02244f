"""Scans of tickets, without HTTP and by it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework.response import Response
from rest_framework.test import APIClient

from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from tickets.models import Checkin, Ticket
from tickets.usecases import checkins
from tickets.usecases.checkins import CheckinResult, Doorkeeper, Scan

CHECKINS = "/api/v1/checkins/"
BATCH = f"{CHECKINS}batch/"
KEEPER = Doorkeeper(api_key_id=UUID(int=7))


def scan(code: str, **changes: Any) -> Scan:
    """Return a new scan of a code at gate 1."""
    facts = {"gate": "1", "scan_id": str(uuid7()), "scanned_at": clock.now()}
    return Scan(code, **(facts | changes))


def admit(
    ticket: Ticket,
    *,
    at: Performance | None = None,
    by: Doorkeeper = KEEPER,
    now: datetime | None = None,
    **changes: Any,
) -> CheckinResult:
    """Admit by a ticket as the view does."""
    now = now or clock.now()
    return checkins.admit(
        scan=scan(ticket.code, **({"scanned_at": now} | changes)),
        performance_id=at.pk if at else ticket.performance_id,
        by=by,
        now=now,
    )


def post(client: APIClient, ticket: Ticket, **changes: Any) -> Response:
    """Check a ticket in by the API."""
    body = {
        "code": ticket.code,
        "performance_id": str(ticket.performance_id),
        "gate": "1",
        "scan_id": str(uuid7()),
    }
    return client.post(CHECKINS, body | changes, format="json")


def live_checkins(ticket: Ticket) -> int:
    return Checkin.objects.filter(ticket=ticket, undone_at=None).count()
