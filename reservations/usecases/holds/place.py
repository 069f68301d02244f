"""Place a hold on chosen seats, or on the best there are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from idempotency.usecases.leases import execute_once
from kernel.rate_limiting.headers import RateLimitStatus
from reservations import metrics, policy, queries
from reservations.claims import NO_LIMITS, HoldLimits
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.seating.snapshot import snapshots
from reservations.usecases.holds.errors import (
    NoSeatsMatch,
    OrphanSeat,
    SeatTaken,
    SelectionInvalid,
)
from reservations.usecases.holds.preconditions import check_preconditions, limits_of_hold
from reservations.usecases.holds.transaction import HoldTransaction


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
    """Hold all the seats or none, under the id `reservation_id`.

    At most three Redis calls and one transaction of at most eight statements, whatever the number
    of seats (nine where the fan's own hold was paid at its deadline). `keyed`: the id belongs to an
    Idempotency-Key, so another execution may hold the seats under it, and with `resumed` may have
    done so before: then its hold is returned (`execute_once`). Attempts count against the limits of
    the fan and the `client_ip`; `limit_status` receives how far they are. Raises the errors of this
    package, `PerformanceNotFound`, `RateLimited`, the refusals of `queueing.admission`, and busy
    through the database.
    """
    wanted = sorted(set(seat_ids))
    if len(wanted) != len(seat_ids) or not policy.fits_a_request(len(wanted)):
        raise SelectionInvalid(most=policy.MAX_SEATS_PER_REQUEST)

    def hold() -> ReservationDetail:
        terms, admission = check_preconditions(
            user_id=user_id,
            performance_id=performance_id,
            seats=len(wanted),
            queue_token=queue_token,
            now=now,
        )
        if terms.orphan_rule:
            _leave_no_single_seat(performance_id, wanted, now)
        attempt = HoldTransaction(
            user_id, performance_id, reservation_id, tuple(wanted), terms, now, admission
        )
        return attempt.carry_out(limits_of_hold(terms, client_ip), limit_status)

    return execute_once(
        hold,
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


def _leave_no_single_seat(performance_id: UUID, wanted: Sequence[UUID], now: datetime) -> None:
    single = snapshots.single_seats_left(performance_id=performance_id, seat_ids=wanted, now=now)
    if single:
        metrics.count_hold("orphan")
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

    def hold() -> ReservationDetail:
        terms, admission = check_preconditions(
            user_id=user_id,
            performance_id=performance_id,
            seats=wish.count,
            queue_token=queue_token,
            now=now,
        )

        def attempt_on(seats: Sequence[UUID]) -> HoldTransaction:
            chosen = tuple(sorted(seats))
            return HoldTransaction(
                user_id, performance_id, reservation_id, chosen, terms, now, admission
            )

        hold_limits = limits_of_hold(terms, client_ip)
        return _try_best(performance_id, wish, attempt_on, hold_limits, limit_status, now)

    return execute_once(
        hold,
        find=lambda: queries.find(reservation_id=reservation_id, user_id=user_id, now=now),
        resumed=resumed,
        keyed=keyed,
    )


def _try_best(
    performance_id: UUID,
    wish: Wish,
    attempt_on: Callable[[Sequence[UUID]], HoldTransaction],
    hold_limits: HoldLimits,
    limit_status: RateLimitStatus | None,
    now: datetime,
) -> ReservationDetail:
    beaten: SeatTaken | None = None
    for _ in range(policy.BEST_ATTEMPTS):
        proposed = snapshots.propose(performance_id=performance_id, wish=wish, now=now)
        if not proposed:
            metrics.count_hold("no_seats_match")
            raise NoSeatsMatch()
        try:
            return attempt_on(proposed).carry_out(hold_limits, limit_status)
        except SeatTaken as refusal:
            beaten = refusal
        finally:
            snapshots.end_proposal(performance_id=performance_id, seat_ids=proposed)
        hold_limits, limit_status = NO_LIMITS, None  # one attempt of the fan, however many tries
        snapshots.refresh(performance_id=performance_id, now=now)
    assert beaten is not None
    raise beaten
