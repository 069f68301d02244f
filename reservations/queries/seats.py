"""Reads of the seats of a performance, judged by `now`; `catalogue` caches some of them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, connections

from concerts.models import PriceGrade, Seat
from kernel.db.replica import current_alias
from reservations.availability import FREE, LETTER, NAMES
from reservations.seating.plan import PlanSeat


@dataclass(frozen=True, slots=True)
class Availability:
    """All seats at one moment: `statuses` has a letter a seat in index order (A T R B)."""

    layout_version: int
    as_of: datetime
    statuses: str
    counts: dict[str, int]  # available, temporarily_reserved, reserved, blocked


@dataclass(frozen=True, slots=True)
class GradeCounts:
    """Seats of one price grade; those neither available nor held are sold or blocked."""

    grade_id: UUID
    total: int
    available: int
    held: int


@dataclass(frozen=True, slots=True)
class SeatOnSale:
    """The inventory row of a seat, with its name, and the reservation the row points to."""

    seat_id: UUID
    performance_id: UUID
    section: str
    row: str
    number: str
    status: str
    is_free: bool
    held_until: datetime | None
    reservation_id: UUID | None
    reservation_status: str | None
    user_id: UUID | None


def availability(*, performance_id: UUID, now: datetime) -> Availability | None:
    """Return the availability string by one statement; None without such a performance.

    Before the seats are put on sale the string is empty.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT performance.layout_version,
                   (SELECT string_agg({LETTER}, '' ORDER BY inventory.index)
                    FROM reservations_seatinventory inventory
                    WHERE inventory.performance_id = performance.id)
            FROM concerts_performance performance WHERE performance.id = %(id)s
            """,  # noqa: S608  (constants only)
            {"id": performance_id, "now": now},
        )
        row = cursor.fetchone()
    if row is None:
        return None
    statuses = row[1] or ""
    counts = {name.lower(): statuses.count(letter) for letter, name in NAMES.items()}
    return Availability(row[0], now, statuses, counts)


def grade_counts(
    *, performance_ids: Sequence[UUID], now: datetime
) -> dict[UUID, list[GradeCounts]]:
    """Return the counts per price grade of many performances by one statement.

    The one read here that may be stale: inside `stale_reads` the replica answers.
    """
    counts: dict[UUID, list[GradeCounts]] = defaultdict(list)
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT inventory.performance_id, section.grade_id, count(*),
                   count(*) FILTER (WHERE {LETTER} = 'A'),
                   count(*) FILTER (WHERE {LETTER} = 'T')
            FROM reservations_seatinventory inventory
            JOIN concerts_seat seat ON seat.id = inventory.seat_id
            JOIN concerts_section section ON section.id = seat.section_id
            WHERE inventory.performance_id = ANY(%(ids)s::uuid[])
            GROUP BY inventory.performance_id, section.grade_id
            """,  # noqa: S608  (constants only)
            {"ids": list(performance_ids), "now": now},
        )
        for performance_id, grade_id, total, available, held in cursor.fetchall():
            counts[performance_id].append(GradeCounts(grade_id, total, available, held))
    return dict(counts)


def state_counts(*, performance_ids: Collection[UUID], now: datetime) -> dict[UUID, dict[str, int]]:
    """Return the seats of performances by state (`available` ...), by one statement without a join.

    May be stale: inside `stale_reads` the replica answers.
    """
    counts: dict[UUID, dict[str, int]] = {}
    with connections[current_alias()].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT inventory.performance_id, {LETTER} AS letter, count(*)
            FROM reservations_seatinventory inventory
            WHERE inventory.performance_id = ANY(%(ids)s::uuid[])
            GROUP BY inventory.performance_id, letter
            """,  # noqa: S608  (constants only)
            {"ids": list(performance_ids), "now": now},
        )
        for performance_id, letter, count in cursor.fetchall():
            none = {name.lower(): 0 for name in NAMES.values()}
            counts.setdefault(performance_id, none)[NAMES[letter].lower()] = count
    return counts


def taken_counts(*, performance_ids: Collection[UUID], now: datetime) -> dict[UUID, int]:
    """Return how many seats of each performance are sold or held, where there are any."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT inventory.performance_id, count(*)
            FROM reservations_seatinventory inventory
            WHERE inventory.performance_id = ANY(%(ids)s::uuid[]) AND {LETTER} IN ('R', 'T')
            GROUP BY inventory.performance_id
            """,  # noqa: S608  (constants only)
            {"ids": list(performance_ids), "now": now},
        )
        return dict(cursor.fetchall())


def grades_instead(*, performance_id: UUID, seat_ids: Collection[UUID]) -> list[str]:
    """Return the codes of the grades whose seats may stand in for others: two statements.

    That of the seats (of several the dearest), then those that cost as much or more, by price.
    """
    grades = list(
        PriceGrade.objects.filter(performance=performance_id).order_by("price", "position")
    )
    rows = Seat.objects.filter(pk__in=seat_ids).values_list("section__grade", flat=True)
    own = set(rows.distinct())
    best = max((grade for grade in grades if grade.pk in own), key=lambda grade: grade.price)
    others = [grade for grade in grades if grade.price >= best.price and grade is not best]
    return [grade.code for grade in (best, *others)]


def plan_seats(*, performance_id: UUID) -> list[PlanSeat]:
    """Return every seat of a layout, as the seating plan needs it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT seat.id, seat.index, seat.section_id, seat.row, seat.x, seat.y, seat.accessible,
                   grade.code, section.focal_x, section.focal_y
            FROM concerts_seat seat
            JOIN concerts_section section ON section.id = seat.section_id
            JOIN concerts_pricegrade grade ON grade.id = section.grade_id
            WHERE seat.performance_id = %s
            ORDER BY seat.index
            """,
            [performance_id],
        )
        return [PlanSeat(*row) for row in cursor.fetchall()]


def seat_on_sale(*, seat_id: UUID, now: datetime) -> SeatOnSale | None:
    """Return one seat as PostgreSQL has it, None if it is not on sale."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT inventory.seat_id, inventory.performance_id, section.code, seat.row, seat.number,
                   inventory.status, {FREE}, inventory.held_until, inventory.reservation_id,
                   reservation.status, reservation.user_id
            FROM reservations_seatinventory inventory
            JOIN concerts_seat seat ON seat.id = inventory.seat_id
            JOIN concerts_section section ON section.id = seat.section_id
            LEFT JOIN reservations_reservation reservation
                ON reservation.id = inventory.reservation_id
            WHERE inventory.seat_id = %(seat)s
            """,  # noqa: S608  (constants only)
            {"seat": seat_id, "now": now},
        )
        row = cursor.fetchone()
    return None if row is None else SeatOnSale(*row)
