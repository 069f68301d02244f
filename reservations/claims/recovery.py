"""Recovery of the claims: written from PostgreSQL to a server without them (Note [Cold gate])."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.redis.breaker import DependencyUnavailable
from reservations import metrics, policy, queries
from reservations.claims.store import seat_claims
from reservations.claims.values import BLOCKED, Claim, SeatChange

log = logging.getLogger(__name__)

Progress = Callable[[UUID, int, int], None]  # performance, claims written, claims in all


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many claims of a performance were written."""

    performance_id: UUID
    claims: int


def rebuild(*, performance_id: UUID, now: datetime, progress: Progress | None = None) -> Rebuilt:
    """Write a claim for every seat that is held, sold or blocked at `now`.

    One read, then one call for every `policy.CLAIMS_PER_WRITE` claims. Live claims written by
    others meanwhile stay. Raises `DependencyUnavailable` if the lock server becomes unavailable.
    """
    taken = queries.taken_seats(performance_id=performance_id, now=now)
    for start in range(0, len(taken), policy.CLAIMS_PER_WRITE):
        batch = taken[start : start + policy.CLAIMS_PER_WRITE]
        claims = [
            Claim(seat.seat_id, seat.reservation_id or BLOCKED, seat.user_id, seat.held_until)
            for seat in batch
        ]
        if not seat_claims.write_many(
            performance_id=performance_id, changes=[SeatChange("rebuild", claims)], now=now
        ):
            raise DependencyUnavailable("redis_lock")
        if progress is not None:
            progress(performance_id, start + len(batch), len(taken))
    seat_claims.mark_warm(performance_id=performance_id)
    metrics.claims_rebuilt.inc(len(taken))
    log.warning(
        "seat claims rebuilt",
        extra={"performance": str(performance_id), "claims": len(taken)},
    )
    return Rebuilt(performance_id, len(taken))


def rebuild_cold(*, now: datetime) -> list[Rebuilt]:
    """Rebuild the claims of those sales open at `now` whose claims the lock server does not know.

    One call for each sale to find out. Without the server nothing is done; the next tick asks.
    """
    try:
        cold = [
            performance_id
            for performance_id in queries.open_sales(now=now)
            if not seat_claims.is_warm(performance_id=performance_id)
        ]
        return [rebuild(performance_id=performance_id, now=now) for performance_id in cold]
    except DependencyUnavailable:
        log.warning("seat claims not rebuilt: the lock server is unavailable")
        return []
