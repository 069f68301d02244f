"""The use case of finding a ticket at the door: by a part of the holder's name, or by the seat."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from concerts.models import Performance
from kernel.db.transaction import transaction
from kernel.staff import audit
from tickets import queries
from tickets.queries import FoundTicket

LOOK = "tickets.find_at_door"  # the action in the audit log
MOST = 8  # tickets of one search: a door finds people, it reads no lists
_REASON = "search at the door"
# As people say a seat: "A구역 3열 12번", "section A row 3 seat 12", "A-3-12".
_SPOKEN = re.compile(r"구역|열|번|석|\b(?:section|row|seat|no)\b\.?", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,./-]+")


@dataclass(frozen=True, slots=True)
class FoundTickets:
    """The first tickets that were found, in seat order, and whether there are more."""

    results: list[FoundTicket]
    more: bool


def search(*, performance_id: UUID, words: str, actor_id: UUID, now: datetime) -> FoundTickets:
    """Return the tickets that `words` may mean, and write down which were shown to whom."""
    found = queries.find_at_door(
        performance_id=performance_id,
        name=words.strip(),
        seat=seat_in(words),
        limit=MOST + 1,
    )
    shown = found[:MOST]
    with transaction():
        audit.record(
            actor_id=actor_id,
            action=LOOK,
            target=audit.target(Performance, performance_id),
            reason=_REASON,
            changes={"tickets": [one.code for one in shown]},
            now=now,
        )
    return FoundTickets(shown, more=len(found) > MOST)


def seat_in(words: str) -> tuple[str, ...]:
    """Return what a seat is called in `words`, two or three parts of it; else nothing."""
    parts = tuple(part for part in _BETWEEN.split(_SPOKEN.sub(" ", words)) if part)
    return parts if len(parts) in (2, 3) else ()
