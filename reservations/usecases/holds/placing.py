"""Place a hold on chosen seats, or on the best there are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from idempotency.usecases.attempts import execute_once
from kernel.rate_limiting.in_redis import Meter
from reservations import metrics, policy, queries
from reservations.queries import ReservationDetail
from reservations.seating.book import book
from reservations.seating.chooser import Wish
from reservations.store import NOT_COUNTED, Counted
from reservations.usecases.holds.attempt import Attempt
from reservations.usecases.holds.entering import counted_against, enter
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
    keyed: bool = False,
    address: str = "",
    meter: Meter | None = None,
) -> ReservationDetail:
    """Hold all the seats or none, under the id `reservation_id`.

    At most three Redis calls and one transaction of at most eight statements, whatever the number
    of seats (nine where the fan's own hold was paid at its deadline). `keyed`: the id belongs to an
    Idempotency-Key, so another execution may hold the seats under it, and with `resumed` may have
    done so before: then its hold is returned (`execute_once`). Attempts count against the limits of
    the fan and the `address`; `meter` is told how far they are. Raises the errors of this package,
    `PerformanceNotFound`, `RateLimited`, the refusals of `queueing.admission`, and busy through the
    database.
    """
    wanted = sorted(set(seat_ids))
    if not wanted or len(wanted) != len(seat_ids) or len(wanted) > policy.MAX_SEATS_PER_REQUEST:
        raise SelectionInvalid(most=policy.MAX_SEATS_PER_REQUEST)

    def hold() -> ReservationDetail:
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
        attempt = Attempt(
            user_id, performance_id, reservation_id, tuple(wanted), terms, now, admitted
        )
        return attempt.carry_out(counted_against(terms, address), meter)

    return execute_once(
        hold,
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


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
    address: str = "",
    meter: Meter | None = None,
) -> ReservationDetail:
    """Hold the best free seats for a wish; somebody faster only costs the next try.

    Proposals come from this process's picture of the hall, so they cost no query while it is
    fresh; each of up to `policy.BEST_ATTEMPTS` tries costs what a hold costs, one Redis call where
    the gate refuses it. Raises `NoSeatsMatch`, `SeatTaken` when beaten every time, and what
    `place` raises.
    """

    def hold() -> ReservationDetail:
        terms, admitted = enter(
            user_id=user_id,
            performance_id=performance_id,
            seats=wish.count,
            queue_token=queue_token,
            now=now,
        )

        def attempt_at(seats: Sequence[UUID]) -> Attempt:
            chosen = tuple(sorted(seats))
            return Attempt(user_id, performance_id, reservation_id, chosen, terms, now, admitted)

        return _best(performance_id, wish, attempt_at, counted_against(terms, address), meter, now)

    return execute_once(
        hold,
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


def _best(
    performance_id: UUID,
    wish: Wish,
    attempt_at: Callable[[Sequence[UUID]], Attempt],
    counted: Counted,
    meter: Meter | None,
    now: datetime,
) -> ReservationDetail:
    beaten: SeatTaken | None = None
    for _ in range(policy.BEST_ATTEMPTS):
        chosen = book.propose(performance_id=performance_id, wish=wish, now=now)
        if not chosen:
            metrics.count_hold("no_seats_match")
            raise NoSeatsMatch()
        try:
            return attempt_at(chosen).carry_out(counted, meter)
        except SeatTaken as refusal:
            beaten = refusal
            counted, meter = NOT_COUNTED, None  # one attempt of the fan, however many tries
            book.doubt(performance_id=performance_id, now=now)
    assert beaten is not None
    raise beaten
