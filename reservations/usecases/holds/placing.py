"""Place a hold on chosen seats, or on the best there are."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kernel.redis.limits import Meter
from reservations import metrics, policy
from reservations.queries import ReservationDetail
from reservations.seating.book import book
from reservations.seating.chooser import Wish
from reservations.store import NOT_COUNTED
from reservations.usecases.holds.attempt import Attempt
from reservations.usecases.holds.entering import counted_against, enter, made_before
from reservations.usecases.holds.errors import (
    NoSeatsMatch,
    OrphanSeat,
    SeatTaken,
    SelectionInvalid,
)


def place(
    *,
    user_id: UUID,
    performance_id: UUID,
    seat_ids: Sequence[UUID],
    reservation_id: UUID,
    queue_token: str | None,
    now: datetime,
    resumed: bool = False,
    address: str = "",
    meter: Meter | None = None,
) -> ReservationDetail:
    """Hold all the seats or none, under the id `reservation_id`.

    At most three Redis calls and one transaction of at most eight statements, whatever the number
    of seats. With `resumed` an earlier attempt under the same id may have committed: it is looked
    up first. Attempts count against the limits of the fan and the `address`; `meter` is told how
    far they are. Raises the errors of this package, `PerformanceNotFound`, `RateLimited`, the
    refusals of `queueing.admission`, and busy through the database.
    """
    found = made_before(resumed, reservation_id=reservation_id, user_id=user_id, now=now)
    if found is not None:
        return found
    wanted = sorted(set(seat_ids))
    if not wanted or len(wanted) != len(seat_ids) or len(wanted) > policy.MAX_SEATS_PER_REQUEST:
        raise SelectionInvalid(most=policy.MAX_SEATS_PER_REQUEST)
    terms, admitted = enter(
        user_id=user_id,
        performance_id=performance_id,
        seats=len(wanted),
        queue_token=queue_token,
        now=now,
    )
    if terms.orphan_rule:
        alone = book.left_alone(performance_id=performance_id, seat_ids=wanted, now=now)
        if alone:
            metrics.count_hold("orphan")
            raise OrphanSeat(seat_ids=alone)
    attempt = Attempt(user_id, performance_id, reservation_id, tuple(wanted), terms, now, admitted)
    return attempt.carry_out(counted_against(terms, address), meter)


def place_best(
    *,
    user_id: UUID,
    performance_id: UUID,
    wish: Wish,
    reservation_id: UUID,
    queue_token: str | None,
    now: datetime,
    resumed: bool = False,
    address: str = "",
    meter: Meter | None = None,
) -> ReservationDetail:
    """Hold the best free seats for a wish; somebody faster only costs the next try.

    Proposals come from this process's picture of the hall, so they cost no query while it is
    fresh; each of up to `policy.BEST_ATTEMPTS` tries costs what a hold costs, one Redis call where
    the gate refuses it. Raises `NoSeatsMatch`, `SeatTaken` when beaten every time, and what
    `place` raises.
    """
    found = made_before(resumed, reservation_id=reservation_id, user_id=user_id, now=now)
    if found is not None:
        return found
    terms, admitted = enter(
        user_id=user_id,
        performance_id=performance_id,
        seats=wish.count,
        queue_token=queue_token,
        now=now,
    )
    beaten: SeatTaken | None = None
    counted = counted_against(terms, address)
    for _ in range(policy.BEST_ATTEMPTS):
        chosen = book.propose(performance_id=performance_id, wish=wish, now=now)
        if not chosen:
            metrics.count_hold("no_seats_match")
            raise NoSeatsMatch()
        attempt = Attempt(
            user_id, performance_id, reservation_id, tuple(sorted(chosen)), terms, now, admitted
        )
        try:
            return attempt.carry_out(counted, meter)
        except SeatTaken as refusal:
            beaten = refusal
            counted, meter = NOT_COUNTED, None  # one attempt of the fan, however many tries
            book.doubt(performance_id=performance_id, now=now)
    assert beaten is not None
    raise beaten
