"""Place holds without HTTP, sweep, and look for double holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock
from uuid import UUID

from django.db import connection
from redis import Redis

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from kernel.clock import to_ms
from kernel.db import primary_time
from kernel.ids import uuid7
from reservations import policy
from reservations.claims import ClaimRequest, ClaimResult, seat_claims
from reservations.models import Reservation, SeatInventory
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.usecases import holds
from reservations.usecases.holds import HoldRequest


def place(
    user: User | UUID,
    performance: Performance,
    seats: Sequence[UUID],
    *,
    now: datetime | None = None,
    **options: Any,
) -> ReservationDetail:
    return holds.place(
        user_id=getattr(user, "pk", user),
        performance_id=performance.pk,
        seat_ids=list(seats),
        reservation_id=options.pop("reservation_id", None) or uuid7(),
        queue_token=options.pop("queue_token", None),
        now=now or clock.now(),
        **options,
    )


def wanted(
    user: User | UUID, performance: Performance, seats: Sequence[UUID], **options: Any
) -> HoldRequest:
    """Return what a fan asks for, as one of a batch."""
    return HoldRequest(getattr(user, "pk", user), performance.pk, list(seats), uuid7(), **options)


def place_best(
    user: User | UUID,
    performance: Performance,
    count: int,
    *,
    now: datetime | None = None,
    **options: Any,
) -> ReservationDetail:
    return holds.place_best(
        user_id=getattr(user, "pk", user),
        performance_id=performance.pk,
        wish=Wish(count),
        reservation_id=uuid7(),
        queue_token=options.pop("queue_token", None),
        now=now or clock.now(),
        **options,
    )


@contextmanager
def primary_believes(now: datetime) -> Iterator[None]:
    """Let the primary's clock stand at `now` for those who ask it whether theirs is ahead."""
    with mock.patch.object(primary_time, "no_later_than_primary", lambda asked: min(asked, now)):
        yield


def sweep(*, now: datetime, limit: int = policy.SWEEP_BATCH) -> int:
    """Expire what has lapsed at `now`, a time the test has chosen; return how many."""
    with primary_believes(now):
        return holds.expire_lapsed(limit=limit, now=now)


def claim(
    user: User, performance: Performance, seats: Sequence[UUID], *, now: datetime, **options: Any
) -> ClaimResult:
    """Claim seats at the gate for a reservation that nobody makes."""
    request = ClaimRequest(list(seats), uuid7(), user.pk, **options)
    [result] = seat_claims.claim_many(performance_id=performance.pk, requests=[request], now=now)
    assert isinstance(result, ClaimResult)
    return result


def sell_out(performance: Performance, *, but: Sequence[UUID] = ()) -> None:
    """Block every seat that nobody has, except some."""
    free = SeatInventory.objects.filter(performance=performance, status="AVAILABLE")
    free.exclude(pk__in=but).update(status="BLOCKED")


def status_of(held: ReservationDetail) -> str:
    return Reservation.objects.get(pk=held.id).status


def claim_of(lock_redis: Redis, performance: Performance, seat: UUID) -> Any:
    """Return the claim on a seat as the lock server has it, None where there is none."""
    return lock_redis.get(f"fr:l:{{{performance.pk}}}:{seat}")


def put_claim(
    lock_redis: Redis, performance: Performance, seat: UUID, *, until: datetime, confirmed: datetime
) -> None:
    """Leave a claim that no reservation stands behind."""
    value = f"{uuid7()}|{uuid7()}|H|{to_ms(until)}|{to_ms(confirmed)}"
    lock_redis.set(f"fr:l:{{{performance.pk}}}:{seat}", value)


def seats_held_twice(now: datetime) -> list[tuple]:
    """Return the seats that more than one live or confirmed reservation claims to have."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT held.seat_id, count(*)
            FROM reservations_reservationseat held
            JOIN reservations_reservation r ON r.id = held.reservation_id
            WHERE held.cancelled_at IS NULL
              AND (r.status = 'CONFIRMED' OR (r.status = 'PENDING' AND r.expires_at > %s))
            GROUP BY held.seat_id HAVING count(*) > 1
            """,
            [now],
        )
        return cursor.fetchall()


def inventory_disagreements(now: datetime) -> list[tuple]:
    """Return the seats whose inventory row and reservation disagree at `now`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH owned AS (
                SELECT held.seat_id, r.id,
                       CASE r.status WHEN 'CONFIRMED' THEN 'RESERVED'
                                     ELSE 'TEMPORARILY_RESERVED' END AS status
                FROM reservations_reservationseat held
                JOIN reservations_reservation r ON r.id = held.reservation_id
                WHERE r.status = 'CONFIRMED' OR (r.status = 'PENDING' AND r.expires_at > %(now)s)
            ), live AS (
                SELECT seat_id, reservation_id AS id, status
                FROM reservations_seatinventory
                WHERE status = 'RESERVED'
                   OR (status = 'TEMPORARILY_RESERVED' AND held_until > %(now)s)
            )
            (SELECT 'reservation only', * FROM (TABLE owned EXCEPT TABLE live) a)
            UNION ALL
            (SELECT 'inventory only', * FROM (TABLE live EXCEPT TABLE owned) b)
            """,
            {"now": now},
        )
        return cursor.fetchall()
