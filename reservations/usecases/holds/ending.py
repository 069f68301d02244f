"""End a hold: by its owner, or because its time has passed."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent, record
from kernel.db import primary_time
from kernel.db.transaction import transaction
from reservations import events, locking, metrics, operations, policy, queries, store
from reservations.models import Reservation
from reservations.operations import ReservationNotFound
from reservations.seating.book import book
from reservations.store import Claim, Lapses
from reservations.usecases.holds.errors import PaymentInProgress

# Attempts of these states can't have taken any money.
_NO_MONEY = frozenset({"", "CREATED", "FAILED", "ABANDONED"})


def release(*, reservation_id: UUID, user_id: UUID, now: datetime) -> None:
    """Give a pending hold up; repeating it, or giving up a lapsed one, changes nothing more.

    Raises `ReservationNotFound`, `PaymentInProgress` once money may have moved.
    """
    with transaction():
        rows = locking.lock_seats_of(reservation_id=reservation_id, user_id=user_id)
        if not rows:
            raise ReservationNotFound()
        seat_ids = [row.seat_id for row in rows]
        freed = [row.seat_id for row in rows if row.reservation_id == reservation_id]
        reservation = locking.lock_reservation(reservation_id=reservation_id)
        status = reservation.status
        paid = status in {Reservation.Status.CONFIRMED, Reservation.Status.CANCELLED}
        if paid or reservation.payment_status not in _NO_MONEY:
            raise PaymentInProgress()
        pending = status == Reservation.Status.PENDING
        # Seats that an expired hold left behind are tidied here too: they are locked anyway.
        operations.free_seats(seat_ids=seat_ids, reservation_id=reservation_id)
        if pending:
            lapsed = reservation.has_lapsed(now)
            ended = Reservation.Status.EXPIRED if lapsed else Reservation.Status.RELEASED
            operations.end_hold(reservation=reservation, status=ended, now=now)
            type_, reason = (
                (events.EXPIRED, "time_passed") if lapsed else (events.RELEASED, "given_up")
            )
            ended_now = events.of_row(type_, reservation, operations.priced(rows), reason=reason)
            record(events=[ended_now], now=now)
    store.seats_changed(
        performance_id=reservation.performance_id,
        reservation_id=reservation_id,
        seat_ids=seat_ids,
        freed=True,
        now=now,
    )
    book.note(performance_id=reservation.performance_id, seat_ids=freed, free=True)
    if pending and not lapsed:
        metrics.released.inc()


def expire_lapsed(*, limit: int = policy.SWEEP_BATCH, now: datetime) -> int:
    """Mark up to `limit` lapsed holds EXPIRED and free their seats; return how many.

    Tidiness and events only: nobody waits for it (Note [Hold deadline]). As it ends everybody's
    holds, a host whose clock is ahead is not believed (Note [One clock] in kernel/clock.py).
    """
    now = primary_time.no_later_than_primary(now)
    lapsed = queries.lapsed_holds(limit=limit, now=now)
    if not lapsed:
        return 0
    with transaction():
        news = operations.expire_lapsed(reservation_ids=lapsed, now=now)
        record(events=news, now=now)
    by_performance: dict[str, list[NewEvent]] = defaultdict(list)
    for event in news:
        by_performance[event.data["performance_id"]].append(event)
    for performance_id, ended in by_performance.items():
        _tell_gate(UUID(performance_id), ended, now)
    metrics.expired.labels("sweep").inc(len(news))
    return len(news)


def _tell_gate(performance_id: UUID, ended: list[NewEvent], now: datetime) -> None:
    """Free the claims of lapsed holds and note who let them lapse (Note [Back-off])."""
    terms = queries.sale_terms(performance_id)
    store.claims.write(
        performance_id=performance_id,
        claims=[
            Claim(UUID(seat["seat_id"]), None, displaced=str(event.aggregate_id))
            for event in ended
            for seat in event.data["seats"]
        ],
        me="sweep",
        now=now,
        lapses=Lapses(
            [event.data["user_id"] for event in ended],
            terms.lapses_before_backoff if terms else 0,
            terms.backoff_seconds if terms else 0,
        ),
    )
