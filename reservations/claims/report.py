"""A report on one seat for operators: what PostgreSQL has, and what the claim says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from reservations import queries
from reservations.claims.store import seat_claims
from reservations.claims.values import BLOCKED, StoredClaim
from reservations.queries import SeatOnSale


@dataclass(frozen=True, slots=True)
class SeatReport:
    """One seat at `now`; `claim` None: there is none, or the lock server is unavailable."""

    seat: SeatOnSale
    claim: StoredClaim | None
    is_claim_known: bool
    now: datetime

    @property
    def verdict(self) -> str:
        """Return `agrees`, `disagrees`, `no_claim`, `attempt_in_progress` or `unknown`."""
        if not self.is_claim_known:
            return "unknown"
        if self.claim is None or self.claim.until <= self.now:
            return "no_claim"
        if self.claim.kind == "tentative":
            return "attempt_in_progress"
        owner = "" if self.seat.is_free else str(self.seat.reservation_id or BLOCKED)
        return "agrees" if self.claim.owner == owner else "disagrees"

    def as_json(self) -> dict[str, Any]:
        """Return the report as `manage.py claims show --json` prints it."""
        seat, claim = self.seat, self.claim
        return {
            "seat_id": str(seat.seat_id),
            "performance_id": str(seat.performance_id),
            "section": seat.section,
            "row": seat.row,
            "number": seat.number,
            "inventory": {
                "status": seat.status,
                "free": seat.is_free,
                "held_until": _moment(seat.held_until),
                "reservation_id": _id(seat.reservation_id),
                "reservation_status": seat.reservation_status,
                "user_id": _id(seat.user_id),
            },
            "claim": None
            if claim is None
            else {
                "kind": claim.kind,
                "owner": claim.owner,
                "user_id": claim.user_id or None,
                "until": _moment(claim.until),
                "confirmed_at": _moment(claim.confirmed_at),
            },
            "verdict": self.verdict,
        }


def report(*, seat_id: UUID, now: datetime) -> SeatReport | None:
    """Return the report on a seat, None if it is not on sale: one query, one Redis call."""
    seat = queries.seat_on_sale(seat_id=seat_id, now=now)
    if seat is None:
        return None
    try:
        claim = seat_claims.find(performance_id=seat.performance_id, seat_id=seat_id)
    except DependencyUnavailable:
        return SeatReport(seat, None, is_claim_known=False, now=now)
    return SeatReport(seat, claim, is_claim_known=True, now=now)


def _moment(value: datetime | None) -> str | None:
    return clock.as_text(value) if value else None


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None
