"""Recovery of the claims from PostgreSQL: of a server without them, and of writes that failed.

See Note [Cold gate] and Note [Lost writes].
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kernel.clock import to_ms
from kernel.redis.breaker import DependencyUnavailable
from reservations import metrics, policy, queries
from reservations.claims import lost
from reservations.claims.store import seat_claims
from reservations.claims.values import BLOCKED, Claim, SeatChange, StoredClaim
from reservations.queries import TakenSeat

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
    for written in _write(performance_id, "rebuild", [_claim_of(seat) for seat in taken], now):
        if progress is not None:
            progress(performance_id, written, len(taken))
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


def write_lost(*, now: datetime) -> int:
    """Write the claims of seats that are remembered; return how many differed.

    What differed is compared once more by the next tick; without the lock server all of it is.
    """
    try:
        remembered = lost.take()
    except DependencyUnavailable:
        return 0
    count = 0
    for performance_id, seat_ids in remembered.items():
        try:
            differed = _correct(performance_id, seat_ids, now)
        except DependencyUnavailable:
            lost.remember(performance_id=performance_id, seat_ids=seat_ids)
        else:
            lost.remember(performance_id=performance_id, seat_ids=differed)
            count += len(differed)
    return count


def _correct(performance_id: UUID, seat_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    claims = seat_claims.find_many(performance_id=performance_id, seat_ids=seat_ids)
    taken = {
        seat.seat_id: seat for seat in queries.taken_seats(performance_id=performance_id, now=now)
    }
    differing = [
        one
        for seat_id in seat_ids
        if (one := _difference(seat_id, claims.get(seat_id), taken.get(seat_id)))
    ]
    for _ in _write(performance_id, "mend", differing, now):
        pass
    return [one.seat_id for one in differing]


def _write(
    performance_id: UUID, writer: str, claims: Sequence[Claim], now: datetime
) -> Iterator[int]:
    """Write claims, `policy.CLAIMS_PER_WRITE` in a call; yield after each how many are written."""
    for start in range(0, len(claims), policy.CLAIMS_PER_WRITE):
        batch = claims[start : start + policy.CLAIMS_PER_WRITE]
        change = SeatChange(writer, batch)
        if not seat_claims.write_many(performance_id=performance_id, changes=[change], now=now):
            raise DependencyUnavailable("redis_lock")
        yield start + len(batch)


def _difference(seat_id: UUID, claim: StoredClaim | None, taken: TakenSeat | None) -> Claim | None:
    """Return the claim that a seat should have, where it has another; that of an attempt ends."""
    wanted = Claim(seat_id, None) if taken is None else _claim_of(taken)
    if claim is None:
        return wanted if taken else None
    until = None if claim.kind == "sold" else to_ms(claim.until)
    wanted_until = to_ms(wanted.until) if wanted.until else None
    agrees = (claim.owner, until) == (str(wanted.owner or ""), wanted_until)
    if claim.kind == "tentative" or agrees:
        return None
    return replace(wanted, overruled_owner=claim.owner)


def _claim_of(seat: TakenSeat) -> Claim:
    return Claim(seat.seat_id, seat.reservation_id or BLOCKED, seat.user_id, seat.held_until)
