"""Changes of seats, published to whatever keeps a copy of them.

Note [Copies of a seat]
PostgreSQL's row decides. Two copies save work in front of it: the claims in the lock Redis, which
refuse losers (Note [Seat claims]), and this process's snapshot of the seats, from which the best
ones are proposed. Neither may miss a change that the other gets, so `publish` updates both, and
nothing else writes to either, except that `claims.recovery` fills an empty lock server.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from reservations.claims import NO_LAPSES, Claim, Lapses, SeatChange, lost, seat_claims
from reservations.queries import SaleTerms
from reservations.seating.snapshot import snapshots


def publish(
    *,
    performance_id: UUID,
    claims: Sequence[Claim],
    writer: UUID | str,
    now: datetime,
    lapses: Lapses = NO_LAPSES,
) -> None:
    """Publish what PostgreSQL decided about seats of a performance, after its commit.

    A claim without an owner says that the seat is free, or was given back by an attempt that
    failed. One call to the lock server; a failure there is counted, never raised, and mended by the
    next tick (Note [Lost writes] in reservations/claims).
    """
    change = SeatChange(writer, claims, lapses)
    publish_many(performance_id=performance_id, changes=[change], now=now)


def publish_many(*, performance_id: UUID, changes: Sequence[SeatChange], now: datetime) -> None:
    """Publish several changes like `publish`, in one round trip.

    A seat that one of them frees and another takes is taken: who takes it knows more.
    """
    written = seat_claims.write_many(performance_id=performance_id, changes=changes, now=now)
    claims = [claim for change in changes for claim in change.claims]
    if not written:
        lost.remember(performance_id=performance_id, seat_ids=[claim.seat_id for claim in claims])
    free = [claim.seat_id for claim in claims if claim.owner is None]
    taken = [claim.seat_id for claim in claims if claim.owner is not None]
    snapshots.update(performance_id=performance_id, free=free, taken=taken)


def compare_claims(*, performance_id: UUID, seat_ids: Iterable[UUID]) -> None:
    """Have the next tick compare the claims of seats with their rows."""
    lost.remember(performance_id=performance_id, seat_ids=seat_ids)


def freed_by_expiry(expired: Iterable[NewEvent], *, but: Collection[UUID] = ()) -> list[Claim]:
    """Return the claims on the seats of holds that have expired: they go, except on seats `but`."""
    return [
        Claim(seat_id, None, overruled_owner=str(event.aggregate_id))
        for event in expired
        for seat_id in (UUID(seat["seat_id"]) for seat in event.data["seats"])
        if seat_id not in but
    ]


def lapses_of(expired: Iterable[NewEvent], terms: SaleTerms | None) -> Lapses:
    """Return the lapses that holds which have expired count as, by the terms of their sale."""
    if terms is None:
        return NO_LAPSES
    users = [str(event.data["user_id"]) for event in expired]
    return Lapses(users, terms.lapses_before_backoff, terms.backoff_seconds)


def learn_from_claims(*, performance_id: UUID, taken: Collection[UUID]) -> None:
    """Mark seats in this process's snapshot that the claims have just refused."""
    snapshots.update(performance_id=performance_id, taken=taken)
