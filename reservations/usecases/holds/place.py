"""Place holds on chosen seats, one or a batch of them, or a hold on the best there are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from idempotency.usecases.leases import execute_once
from kernel.outcomes import Outcome, outcome_of, result_of
from kernel.rate_limiting.headers import RateLimitStatus
from reservations import metrics, policy, queries
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.seating.snapshot import snapshots
from reservations.usecases.holds.batches import Decision, decide_all, hold_alone, hold_together
from reservations.usecases.holds.errors import (
    NoSeatsMatch,
    OrphanSeat,
    SeatTaken,
    SelectionInvalid,
)
from reservations.usecases.holds.preconditions import check_preconditions, limits_of_hold
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
    _check_selection(seat_ids)
    request = HoldRequest(
        user_id, performance_id, seat_ids, reservation_id, queue_token, client_ip, limit_status
    )
    return execute_once(
        lambda: result_of(place_many([request], now=now)[0]),
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


def place_many(
    requests: Sequence[HoldRequest], *, now: datetime
) -> list[Outcome[ReservationDetail]]:
    """Place the holds of up to `policy.HOLDS_PER_BATCH` fans; return for each what `place` would.

    A refusal or an error is its fan's alone and stands in the list. Several share the statements
    and Redis calls of one (Note [Batch of holds]); who can't be decided so follows, one by one.
    Nothing is looked up for Idempotency-Keys. Raises ValueError for more requests.
    """
    if len(requests) == 1:
        attempt = outcome_of(_attempt, requests[0], now)
        return [attempt if isinstance(attempt, Exception) else hold_alone(attempt, now=now)]
    return decide_all(place_at_once(requests, now=now))


def place_at_once(requests: Sequence[HoldRequest], *, now: datetime) -> list[Decision]:
    """Place holds like `place_many` without waiting for any lock; the rest comes back as `Alone`.

    For callers that answer those who are decided, and let the others wait elsewhere.
    """
    if len(requests) > policy.HOLDS_PER_BATCH:
        raise ValueError(f"{len(requests)} holds are more than a batch takes")
    attempts = [outcome_of(_attempt, request, now) for request in requests]
    admitted = [attempt for attempt in attempts if isinstance(attempt, Attempt)]
    decisions = iter(hold_together(admitted, now=now))
    return [attempt if isinstance(attempt, Exception) else next(decisions) for attempt in attempts]


def _check_selection(seat_ids: Sequence[UUID]) -> None:
    if len(set(seat_ids)) != len(seat_ids) or not policy.fits_a_request(len(seat_ids)):
        raise SelectionInvalid(most=policy.MAX_SEATS_PER_REQUEST)


def _attempt(request: HoldRequest, now: datetime) -> Attempt:
    """Return the request as an attempt whose preconditions are met, or refuse it."""
    _check_selection(request.seat_ids)
    admitted = _admitted(request, len(request.seat_ids), now)
    attempt = admitted(request.seat_ids)
    if attempt.terms.orphan_rule:
        _leave_no_single_seat(attempt, now)
    return attempt


def _admitted(
    request: HoldRequest, seats: int, now: datetime
) -> Callable[[Sequence[UUID]], Attempt]:
    """Check the preconditions of holding `seats` seats; return what makes attempts on them."""
    terms, admission = check_preconditions(
        user_id=request.user_id,
        performance_id=request.performance_id,
        seats=seats,
        queue_token=request.queue_token,
        now=now,
    )
    hold_limits = limits_of_hold(terms, request.client_ip)

    def attempt_on(seat_ids: Sequence[UUID]) -> Attempt:
        return Attempt(
            request.user_id,
            request.performance_id,
            request.reservation_id,
            tuple(sorted(seat_ids)),
            terms,
            admission.joined_ms if admission else None,
            hold_limits,
            request.limit_status,
            request.context,
        )

    return attempt_on


def _leave_no_single_seat(attempt: Attempt, now: datetime) -> None:
    single = snapshots.single_seats_left(
        performance_id=attempt.performance_id, seat_ids=attempt.seat_ids, now=now
    )
    if single:
        attempt.context.run(metrics.count_hold, "orphan")
        raise OrphanSeat(seat_ids=single)


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
        user_id, performance_id, (), reservation_id, queue_token, client_ip, limit_status
    )
    return execute_once(
        lambda: _try_best(wish, _admitted(request, wish.count, now), performance_id, now),
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


def _try_best(
    wish: Wish,
    attempt_on: Callable[[Sequence[UUID]], Attempt],
    performance_id: UUID,
    now: datetime,
) -> ReservationDetail:
    beaten: SeatTaken | None = None
    for _ in range(policy.BEST_ATTEMPTS):
        proposed = snapshots.propose(performance_id=performance_id, wish=wish, now=now)
        if not proposed:
            metrics.count_hold("no_seats_match")
            raise NoSeatsMatch()
        attempt = attempt_on(proposed)
        if beaten is not None:
            attempt = attempt.uncounted()  # one attempt of the fan, however many tries
        try:
            return result_of(hold_alone(attempt, now=now))
        except SeatTaken as refusal:
            beaten = refusal
        finally:
            snapshots.end_proposal(performance_id=performance_id, seat_ids=proposed)
        snapshots.refresh(performance_id=performance_id, now=now)
    assert beaten is not None
    raise beaten
