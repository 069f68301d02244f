"""Place holds on chosen seats or on the best there are, one or a batch of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from idempotency.usecases.leases import may_hide_effect
from kernel.outcomes import Outcome, outcome_of, result_of
from kernel.rate_limiting.headers import RateLimitStatus
from reservations import policy, queries
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.usecases.holds.batches import hold_together
from reservations.usecases.holds.placement import Decision, Placement, check_selection
from reservations.usecases.holds.turns import Attempt, HoldRequest


def place(
    *,
    user_id: UUID,
    performance_id: UUID,
    seat_ids: Sequence[UUID],
    reservation_id: UUID,
    queue_token: str | None,
    now: datetime,
    resumed: bool = False,
    keyed: bool = False,
    client_ip: str = "",
    limit_status: RateLimitStatus | None = None,
) -> ReservationDetail:
    """Hold all the seats or none, under the id `reservation_id`: a batch of one that waits.

    At most three Redis calls and one transaction of at most eight statements, whatever the number
    of seats (nine where the fan's own hold was paid at its deadline). `keyed`: the id belongs to an
    Idempotency-Key, so another execution may hold the seats under it, and with `resumed` may have
    done so before: then its hold is returned (`execute_once`). Attempts count against the limits of
    the fan and the `client_ip`; `limit_status` receives how far they are. Raises the errors of this
    package, `PerformanceNotFound`, `RateLimited`, the refusals of `queueing.admission`, and busy
    through the database.
    """
    check_selection(seat_ids)
    request = HoldRequest(
        user_id,
        performance_id,
        seat_ids,
        reservation_id,
        queue_token,
        client_ip,
        limit_status,
        keyed=keyed,
        resumed=resumed,
    )
    return result_of(place_many([request], now=now)[0])


def place_best(
    *,
    user_id: UUID,
    performance_id: UUID,
    wish: Wish,
    reservation_id: UUID,
    queue_token: str | None,
    now: datetime,
    resumed: bool = False,
    keyed: bool = False,
    client_ip: str = "",
    limit_status: RateLimitStatus | None = None,
) -> ReservationDetail:
    """Hold the best free seats for a wish; a faster rival only costs another try.

    Proposals come from this process's snapshot of the seats, so they cost no query while it is
    fresh; each of up to `policy.BEST_ATTEMPTS` tries costs what a hold costs, or one Redis call if
    the gate refuses it. Raises `NoSeatsMatch`, `SeatTaken` when every try was beaten, and what
    `place` raises.
    """
    request = HoldRequest(
        user_id,
        performance_id,
        (),
        reservation_id,
        queue_token,
        client_ip,
        limit_status,
        wish=wish,
        keyed=keyed,
        resumed=resumed,
    )
    return result_of(place_many([request], now=now)[0])


def place_many(
    requests: Sequence[HoldRequest], *, now: datetime
) -> list[Outcome[ReservationDetail]]:
    """Place the holds of up to `policy.HOLDS_PER_BATCH` fans; return for each what `place` would.

    A refusal or an error is its fan's alone and stands in the list. Several share the statements
    and Redis calls of one (Note [Batch of holds]); who can't be decided so follows, one by one.
    Raises ValueError for more requests.
    """
    if len(requests) == 1:
        return [_placement(requests[0], now).decide()]
    return decide_all(place_at_once(requests, now=now))


def decide_all(decisions: Sequence[Decision]) -> list[Outcome[ReservationDetail]]:
    """Return the outcomes, with those decided that go alone.

    First those that have claims: in their way to others, they should not be there for long.
    """
    alone = [decision for decision in decisions if isinstance(decision, Placement)]
    alone.sort(key=lambda one: not one.has_claims)
    decided = {id(one): one.decide() for one in alone}
    return [decided[id(one)] if isinstance(one, Placement) else one for one in decisions]


def place_at_once(requests: Sequence[HoldRequest], *, now: datetime) -> list[Decision]:
    """Place holds like `place_many` without waiting for any lock; the rest comes back undecided.

    For callers that answer those who are decided, and let the others wait elsewhere.
    """
    if len(requests) > policy.HOLDS_PER_BATCH:
        raise ValueError(f"{len(requests)} holds are more than a batch takes")
    placements = [_placement(request, now) for request in requests]
    try:
        decisions = _tried(placements, now)
    except Exception:
        for placement in placements:
            placement.end_proposal()
        raise
    return _looked_up(placements, decisions)


def _placement(request: HoldRequest, now: datetime) -> Placement:
    return Placement(request, now, request.resumed)


def _tried(placements: Sequence[Placement], now: datetime) -> list[Decision]:
    """Let each try once, all in one batch, but for those who have to look first."""
    first = [one if one.resumed else outcome_of(one.next_attempt) for one in placements]
    attempts = [one for one in first if isinstance(one, Attempt)]
    made = iter(hold_together(attempts, now=now))
    return [
        placement.take_up(next(made)) if isinstance(one, Attempt) else one
        for placement, one in zip(placements, first, strict=True)
    ]


def _looked_up(placements: Sequence[Placement], decisions: list[Decision]) -> list[Decision]:
    """Return the decisions; who was refused what the same key has made goes alone, and finds it.

    One statement for all who have a key and were refused.
    """
    refused = {
        placement.request.reservation_id: number
        for number, (placement, decision) in enumerate(zip(placements, decisions, strict=True))
        if placement.request.keyed and isinstance(decision, Exception) and may_hide_effect(decision)
    }
    if not refused:
        return decisions
    made = outcome_of(queries.owners_of, reservation_ids=list(refused))
    for reservation_id, number in refused.items():
        if isinstance(made, Exception):
            decisions[number] = made  # it may have been held, and nobody knows
        elif reservation_id in made:
            placements[number].resumed, decisions[number] = True, placements[number]
    return decisions
