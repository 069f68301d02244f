"""The row locks and advisory locks of reservations: the only ones, in one order.

Note [Lock order]
fan x performance (advisory, only where a per-fan limit is counted), then seat inventory by seat
id, then reservations by id, then payment, then points accounts by id. Code that needs a reservation
locks the inventory rows of its seats (which seats these are never changes), then the reservation,
and only then reads its state: `lock_reservation`. Reservation first and inventory second deadlocks
with the take-over of lapsed holds; tests/concurrency keeps that as a control. `SKIP LOCKED` and
`try_lock_fans` never wait, so they may stand anywhere; a transaction for several fans has nothing
else. `lock_timeout` bounds every wait, and ends in the retryable `busy`.

Note [Facts under lock]
A statement sees what was committed when it began; if it waits for a row it reads that row again
and nothing else. So code that waits reads the facts that decide (halts, a performance's status, the
sale policy: `queries.rules_in_force`) in a statement of its own, behind the last statement that may
have waited. What never changes may come with the lock: the seats of a reservation, and the names
and prices of a layout, which is frozen before its seats are sold.

Note [Lapsed is written down]
Two requests of a fan may judge one hold by different moments: the payment arrived before the
deadline, the next hold after it. A transaction that acts on "lapsed at my now" (it takes the seats,
or counts the hold as nothing) also makes the hold EXPIRED, under its lock. If that finds the hold
paid or extended meanwhile, the fan's seats are counted again.

Note [Closed accounts]
Who closes an account locks the person's row FOR UPDATE and looks for live holds behind that
wait. A hold shares the row (KEY SHARE, which its foreign key takes anyway) with the fan's lock and
reads there whether the account is open: either the hold is seen, or it is refused.

Note [Row order]
`ORDER BY ... FOR NO KEY UPDATE` locks rows in the order of the sort because LockRows stands above
Sort, and the sort key never changes. `NO KEY` lets foreign-key checks on the same row pass.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from django.db import connection

from kernel.db.advisory import lock_key
from kernel.db.arrays import array_of, one_of
from kernel.db.transaction import require_transaction
from kernel.money import Money
from reservations.availability import is_free
from reservations.models import Reservation, SalePolicy

_FAN = "reservations.fan"


@dataclass(frozen=True, slots=True)
class LockedRow:
    """The changing part of an inventory row under lock."""

    seat_id: UUID
    performance_id: UUID
    status: str
    reservation_id: UUID | None
    held_until: datetime | None

    def is_free(self, now: datetime) -> bool:
        """Say whether a claim at `now` may take it (Note [Hold deadline])."""
        return is_free(status=self.status, held_until=self.held_until, now=now)


@dataclass(frozen=True, slots=True)
class LockedSeat(LockedRow):
    """The same with the seat's name and price."""

    index: int
    section: str
    row: str
    number: str
    price: int
    currency: str

    @property
    def money(self) -> Money:
        """The price as money."""
        return Money(self.price, self.currency)


@dataclass(frozen=True, slots=True)
class LockedFan:
    """What a fan's account says under the fan's lock: may hold seats, has `extra_time` set."""

    is_active: bool = True
    extra_time: bool = False


# The advisory lock first: what a scan returns is computed below LockRows.
_LOCK_FAN = """
    SELECT person.is_active, person.extra_time, pg_advisory_xact_lock(%s)
    FROM accounts_user person
    WHERE person.id = %s
    FOR KEY SHARE
"""
_TRY_LOCK_FANS = """
    SELECT wanted.key, pg_try_advisory_xact_lock(wanted.key), person.is_active, person.extra_time
    FROM unnest(%s::bigint[], %s::uuid[]) AS wanted (key, user_id)
    JOIN accounts_user person ON person.id = wanted.user_id
    FOR KEY SHARE OF person SKIP LOCKED
"""

_SEATS_TO_HOLD = """
    SELECT inventory.seat_id, inventory.performance_id, inventory.status,
           inventory.reservation_id, inventory.held_until,
           inventory.index, section.code, seat.row, seat.number, grade.price, grade.currency
    FROM reservations_seatinventory inventory
    JOIN concerts_seat seat ON seat.id = inventory.seat_id
    JOIN concerts_section section ON section.id = seat.section_id
    JOIN concerts_pricegrade grade ON grade.id = section.grade_id
    WHERE inventory.performance_id {one_of} AND inventory.seat_id = ANY(%s::uuid[])
    ORDER BY inventory.seat_id
    FOR NO KEY UPDATE OF inventory
"""
_SEATS_TO_HOLD_SKIPPING = _SEATS_TO_HOLD + " SKIP LOCKED"

# The seats of several reservations in one statement, each with its row where nobody else has it.
# What never changes is read beside the lock; the ids stand in the conditions, so that the months
# they are in are found when the statement is planned.
_SEATS_OF = """
    WITH mine AS MATERIALIZED (
        SELECT held.reservation_id, held.seat_id, held.price, held.currency
        FROM unnest(%(ids)s::uuid[], %(users)s::uuid[]) AS wanted (id, user_id)
        JOIN reservations_reservation reservation
            ON reservation.id = wanted.id AND reservation.user_id = wanted.user_id
        JOIN reservations_reservationseat held ON held.reservation_id = reservation.id
        WHERE reservation.id = ANY(%(ids)s::uuid[]) AND held.reservation_id = ANY(%(ids)s::uuid[])
    ), locked AS MATERIALIZED (
        SELECT seat_id, performance_id, status, reservation_id, held_until, index
        FROM reservations_seatinventory
        WHERE seat_id = ANY(ARRAY(SELECT seat_id FROM mine))
        ORDER BY seat_id
        FOR NO KEY UPDATE
    )
    SELECT mine.reservation_id, mine.seat_id, locked.performance_id, locked.status,
           locked.reservation_id, locked.held_until, locked.index,
           section.code, seat.row, seat.number, mine.price, mine.currency
    FROM mine
    JOIN concerts_seat seat ON seat.id = mine.seat_id
    JOIN concerts_section section ON section.id = seat.section_id
    LEFT JOIN locked ON locked.seat_id = mine.seat_id
    ORDER BY mine.seat_id
"""
_SEATS_OF_SKIPPING = _SEATS_OF.replace("FOR NO KEY UPDATE", "FOR NO KEY UPDATE SKIP LOCKED")

_ROWS = """
    SELECT seat_id, performance_id, status, reservation_id, held_until
    FROM reservations_seatinventory
    WHERE seat_id = ANY(%s::uuid[])
    ORDER BY seat_id
    FOR NO KEY UPDATE
"""
_ROWS_SKIPPING = _ROWS + " SKIP LOCKED"

_INVENTORY = """
    SELECT count(*) FROM (
        SELECT FROM reservations_seatinventory
        WHERE performance_id = ANY(%s::uuid[])
        ORDER BY seat_id
        FOR NO KEY UPDATE
    ) AS locked
"""


def lock_fan(*, user_id: UUID, performance_id: UUID) -> LockedFan:
    """Serialise a fan's transactions at one performance until this one ends.

    Shares the person's row (Note [Closed accounts]).
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_FAN, [lock_key(_FAN, user_id, performance_id), user_id])
        found = cursor.fetchone()
    return LockedFan(found[0], found[1]) if found else LockedFan(is_active=False)


def try_lock_fans(*, fans: Sequence[tuple[UUID, UUID]]) -> list[LockedFan | None]:
    """Lock fans (user, performance) like `lock_fan` without waiting; None where somebody else has.

    A fan of whom there is no row is None too.
    """
    require_transaction()
    keys = [lock_key(_FAN, *fan) for fan in fans]
    wanted = sorted({key: user_id for key, (user_id, _) in zip(keys, fans, strict=True)}.items())
    with connection.cursor() as cursor:
        cursor.execute(
            _TRY_LOCK_FANS,
            [[key for key, _ in wanted], array_of([user_id for _, user_id in wanted])],
        )
        held = {
            key: LockedFan(is_active, extra_time)
            for key, is_held, is_active, extra_time in cursor.fetchall()
            if is_held
        }
    return [held.get(key) for key in keys]


def lock_seats(
    *, performance_ids: Collection[UUID], seat_ids: Sequence[UUID], skip_locked: bool = False
) -> list[LockedSeat]:
    """Lock the seats of the performances by id and return them at today's prices.

    Ids that are no seats on sale there are left out, and so are, with `skip_locked`, those that
    somebody else has locked.
    """
    require_transaction()
    statement = _SEATS_TO_HOLD_SKIPPING if skip_locked else _SEATS_TO_HOLD
    condition, keys = one_of(performance_ids)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(one_of=condition), [keys, array_of(seat_ids)])
        return [LockedSeat(*row) for row in cursor.fetchall()]


def lock_rows(*, seat_ids: Sequence[UUID], skip_locked: bool = False) -> list[LockedRow]:
    """Lock inventory rows by seat id, without reading the static tables."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_ROWS_SKIPPING if skip_locked else _ROWS, [list(seat_ids)])
        return [LockedRow(*row) for row in cursor.fetchall()]


def lock_inventory(*, performance_ids: Collection[UUID]) -> int:
    """Lock every seat on sale of performances by id; return how many there are.

    Holds under way commit first and new ones wait, so only where nobody is likely to be at it.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_INVENTORY, [list(performance_ids)])
        return int(cursor.fetchone()[0])


def lock_reservation(
    *, reservation_id: UUID, user_id: UUID
) -> tuple[Reservation, list[LockedSeat]] | None:
    """Lock one reservation like `lock_reservations`; None if the fan has no such reservation."""
    return lock_reservations(wanted=[(reservation_id, user_id)]).get(reservation_id)


def lock_reservations(
    *, wanted: Sequence[tuple[UUID, UUID]], skip_locked: bool = False
) -> dict[UUID, tuple[Reservation, list[LockedSeat]] | None]:
    """Lock fans' reservations in the order of Note [Lock order]: their seats, then their rows.

    `wanted` are the ids of reservations and users. Two statements; each reservation is returned as
    it is under these locks, with its seats by id at the prices it was made for. Which seats it has
    needs no lock: that never changes. A reservation that doesn't exist or is another fan's is
    missing; with `skip_locked` one of which somebody else has a row is None.
    """
    require_transaction()
    ids, users = array_of([key for key, _ in wanted]), array_of([user for _, user in wanted])
    seats: dict[UUID, list[LockedSeat]] = {}
    partly: set[UUID] = set()
    with connection.cursor() as cursor:
        cursor.execute(
            _SEATS_OF_SKIPPING if skip_locked else _SEATS_OF, {"ids": ids, "users": users}
        )
        for reservation_id, *row in cursor.fetchall():
            seats.setdefault(reservation_id, []).append(LockedSeat(*row))
            if row[1] is None:
                partly.add(reservation_id)
    rows = _lock_rows_of(seats.keys() - partly, skip_locked=skip_locked)
    return {
        key: (rows[key], its_seats) if key in rows else None for key, its_seats in seats.items()
    }


def _lock_rows_of(ids: Collection[UUID], *, skip_locked: bool) -> dict[UUID, Reservation]:
    if not ids:
        return {}
    names, statement = _reservations_by_id()
    with connection.cursor() as cursor:
        cursor.execute(statement + (" SKIP LOCKED" if skip_locked else ""), [array_of(ids)])
        rows = [Reservation.from_db(connection.alias, names, row) for row in cursor.fetchall()]
    return {row.pk: row for row in rows}


@cache
def _reservations_by_id() -> tuple[list[str], str]:
    """Return the fields of a reservation and the statement that locks and reads them.

    Made once: to build it for every settlement takes longer than to read by it.
    """
    fields = Reservation._meta.concrete_fields
    columns = ", ".join([connection.ops.quote_name(str(field.column)) for field in fields])
    return [field.attname for field in fields], (
        f"SELECT {columns} FROM reservations_reservation"  # noqa: S608  (of the model)
        " WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"
    )


def lock_sale_policy(*, performance_id: UUID) -> SalePolicy | None:
    """Lock the sale policy of a performance (after the performance, where both are wanted)."""
    require_transaction()
    return SalePolicy.objects.select_for_update(no_key=True).filter(pk=performance_id).first()
