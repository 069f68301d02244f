"""What staff look at: the performances ahead, and how the seats of one stand."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from concerts.models import Performance, is_public_performance
from reservations.availability import LETTER, NAMES
from reservations.models import SaleHalt, SalePolicy


@dataclass(frozen=True, slots=True)
class SaleAhead:
    """A performance with its concert and venue, its sale policy, and whether its sale is halted."""

    performance: Performance
    policy: SalePolicy | None
    halted: bool

    @property
    def is_on_sale(self) -> bool:
        """Whether its seats have been put on sale."""
        return self.policy is not None and self.policy.put_on_sale_at is not None


@dataclass(frozen=True, slots=True)
class LiveHalt:
    """A halt in force: why, and since when."""

    id: UUID
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeatFigures:
    """The seats of a performance at `as_of`: how many of each status, and what the sold ones cost.

    `counts` has the statuses in small letters; `sold_value` is in minor units.
    """

    as_of: datetime
    counts: dict[str, int]
    sold_value: int
    currency: str


_FIGURES = f"""
    SELECT counted.letter, counted.seats, valued.value, valued.currency
    FROM (SELECT {LETTER} AS letter, count(*) AS seats
            FROM reservations_seatinventory inventory
           WHERE inventory.performance_id = %(id)s GROUP BY 1) AS counted
    LEFT JOIN (SELECT 'R' AS letter, sum(grade.price) AS value, min(grade.currency) AS currency
                 FROM reservations_seatinventory inventory
                 JOIN concerts_seat seat ON seat.id = inventory.seat_id
                 JOIN concerts_section section ON section.id = seat.section_id
                 JOIN concerts_pricegrade grade ON grade.id = section.grade_id
                WHERE inventory.performance_id = %(id)s AND inventory.status = 'RESERVED') AS valued
      ON valued.letter = counted.letter
"""  # noqa: S608  (constants only)


@dataclass(frozen=True, slots=True)
class SeatArea:
    """Seats by section, row and a rectangle in units of the layout; None: whichever."""

    section: str | None = None
    row: str | None = None
    x_from: float | None = None
    x_to: float | None = None
    y_from: float | None = None
    y_to: float | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return all(getattr(self, name) is None for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class StaffSeat:
    """A seat on sale as staff see it: where it is, and its letter (`NAMES`)."""

    seat_id: UUID
    section: str
    row: str
    number: str
    index: int
    x: float
    y: float
    letter: str


_SEATS = f"""
    SELECT inventory.seat_id, section.code, seat.row, seat.number, seat.index, seat.x, seat.y,
           {LETTER}
    FROM reservations_seatinventory inventory
    JOIN concerts_seat seat ON seat.id = inventory.seat_id
    JOIN concerts_section section ON section.id = seat.section_id
    WHERE inventory.performance_id = %(id)s
      AND (%(section)s::text IS NULL OR section.code = %(section)s)
      AND (%(row)s::text IS NULL OR seat.row = %(row)s)
      AND seat.x BETWEEN coalesce(%(x_from)s, '-infinity'::float8)
                     AND coalesce(%(x_to)s, 'infinity'::float8)
      AND seat.y BETWEEN coalesce(%(y_from)s, '-infinity'::float8)
                     AND coalesce(%(y_to)s, 'infinity'::float8)
    ORDER BY inventory.index LIMIT %(limit)s
"""  # noqa: S608  (constants only)


def seats_in(
    *, performance_id: UUID, area: SeatArea, now: datetime, limit: int | None = None
) -> list[StaffSeat]:
    """Return the seats of an area in layout order, as PostgreSQL has them; at most `limit`."""
    facts: dict[str, Any] = {"id": performance_id, "now": now, "limit": limit, **asdict(area)}
    with connection.cursor() as cursor:
        cursor.execute(_SEATS, facts)
        return [StaffSeat(*row) for row in cursor.fetchall()]


def sales_ahead(*, since: datetime, limit: int) -> list[SaleAhead]:
    """Return the performances that begin after `since`, the next ones first; drafts too."""
    rows = _with_halts().filter(starts_at__gt=since, deleted_at__isnull=True)
    return [_ahead(row) for row in rows.order_by("starts_at", "pk")[:limit]]


def sale_ahead(*, performance_id: UUID) -> SaleAhead | None:
    """Return one performance alike, whenever it is; None where there is none."""
    row = _with_halts().filter(pk=performance_id, deleted_at__isnull=True).first()
    return None if row is None else _ahead(row)


def openings(*, after: datetime, until: datetime) -> list[tuple[UUID, datetime]]:
    """Return the public performances whose sale opens after `after` and by `until`, and when.

    Cancelled ones are not among them. It reads nothing but these two columns.
    """
    opening = SalePolicy.objects.filter(sale_opens_at__gt=after, sale_opens_at__lte=until)
    cancelled = Q(performance__status=Performance.Status.CANCELLED)
    found = (
        opening.filter(is_public_performance("performance__"))
        .exclude(cancelled)
        .order_by("sale_opens_at")
    )
    return list(found.values_list("performance_id", "sale_opens_at"))


def live_halts(*, performance_id: UUID) -> list[LiveHalt]:
    """Return the halts of a sale in force, the oldest first."""
    rows = SaleHalt.objects.filter(performance_id=performance_id, lifted_at__isnull=True)
    return [LiveHalt(row.pk, row.reason, row.created_at) for row in rows.order_by("created_at")]


def seat_figures(*, performance_id: UUID, now: datetime) -> SeatFigures:
    """Return how the seats stand at `now`: one statement, from the primary."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"id": performance_id, "now": now})
        rows = cursor.fetchall()
    counts = {name.lower(): 0 for name in NAMES.values()}
    counts |= {NAMES[letter].lower(): seats for letter, seats, _, _ in rows}
    value, currency = next(((v, c) for _, _, v, c in rows if v is not None), (0, "KRW"))
    return SeatFigures(now, counts, int(value), currency)


def _with_halts() -> Any:
    halts = SaleHalt.objects.filter(performance_id=OuterRef("pk"), lifted_at__isnull=True)
    rows = Performance.objects.select_related("concert__venue", "sale_policy")
    return rows.annotate(is_halted=Exists(halts))


def _ahead(row: Any) -> SaleAhead:
    return SaleAhead(row, getattr(row, "sale_policy", None), row.is_halted)
