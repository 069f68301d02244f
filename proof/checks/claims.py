"""The check of seat claims: what the lock server says, PostgreSQL does not contradict."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from concerts.models import Seat
from proof import policy
from proof.findings import AuditBatch, Violation
from reservations import queries
from reservations.claims import BLOCKED, StoredClaim, seat_claims


def claims_agree(batch: AuditBatch) -> list[Violation]:
    """Find claims that keep a seat from fans to whom PostgreSQL would give it.

    The claims are read first, so PostgreSQL is never the older of the two. A claim that was written
    a moment ago may be ahead of, or behind, a commit. Raises `DependencyUnavailable`.
    """
    return [one for key in batch.keys for one in _of_performance(batch, key)]


def _of_performance(batch: AuditBatch, performance_id: UUID) -> Iterator[Violation]:
    seats = Seat.objects.filter(performance=performance_id).order_by("pk")
    seat_ids = list(seats.values_list("pk", flat=True))
    claims: dict[UUID, StoredClaim] = {}
    for some in _parts(seat_ids):
        claims |= seat_claims.find_many(performance_id=performance_id, seat_ids=some)
    taken = {
        seat.seat_id: str(seat.reservation_id or BLOCKED)
        for seat in queries.taken_seats(performance_id=performance_id, now=batch.now)
    }
    settled = batch.settled_before(policy.CLAIMS_SETTLE)
    for seat_id, claim in claims.items():
        counts = claim.until > batch.now and claim.confirmed_at < settled
        owner = taken.get(seat_id)
        if counts and claim.kind != "tentative" and claim.owner != owner:
            says = f"{claim.kind} by {claim.owner}, PostgreSQL says {owner or 'free'}"
            yield batch.violation("seat", seat_id, says, performance_id)


def _parts(seat_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(seat_ids), policy.SEATS_PER_CALL):
        yield seat_ids[start : start + policy.SEATS_PER_CALL]
