"""Write the claims of the lock server from PostgreSQL (Note [Cold gate])."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.redis.breaker import PartUnavailable
from reservations import metrics, policy, queries, store
from reservations.store import Claim

log = logging.getLogger(__name__)

Progress = Callable[[UUID, int, int], None]  # performance, claims written, claims in all


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was written of one performance."""

    performance_id: UUID
    claims: int


def rebuild(*, performance_id: UUID, now: datetime, progress: Progress | None = None) -> Rebuilt:
    """Write a claim for every seat that is held, sold or blocked at `now`.

    One read, then calls of `policy.CLAIMS_PER_WRITE` claims. A live claim that somebody has
    written meanwhile stays. Raises `PartUnavailable` when the lock server goes away.
    """
    taken = queries.taken_seats(performance_id=performance_id, now=now)
    for start in range(0, len(taken), policy.CLAIMS_PER_WRITE):
        part = taken[start : start + policy.CLAIMS_PER_WRITE]
        claims = [
            Claim(seat.seat_id, seat.reservation_id or store.BLOCKED, seat.user_id, seat.held_until)
            for seat in part
        ]
        if not store.claims.write(
            performance_id=performance_id, claims=claims, me="rebuild", now=now
        ):
            raise PartUnavailable("redis_lock")
        if progress is not None:
            progress(performance_id, start + len(part), len(taken))
    store.claims.mark_warm(performance_id=performance_id)
    metrics.claims_rebuilt.inc(len(taken))
    log.warning(
        "seat claims rebuilt",
        extra={"performance": str(performance_id), "claims": len(taken)},
    )
    return Rebuilt(performance_id, len(taken))


def rebuild_cold(*, now: datetime) -> list[Rebuilt]:
    """Rebuild the claims of the sales open at `now` that the lock server doesn't know.

    One call a sale to find out. With the server away there is nothing to do: the next tick asks.
    """
    try:
        cold = [
            performance_id
            for performance_id in queries.open_sales(now=now)
            if not store.claims.is_warm(performance_id=performance_id)
        ]
        return [rebuild(performance_id=performance_id, now=now) for performance_id in cold]
    except PartUnavailable:
        log.warning("seat claims not rebuilt: the lock server is away")
        return []
