"""The reads that compose concerts, queueing and reservations.

Stale reads are fine, except for seats.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from catalogue.sale_state import SaleFacts, SaleState, sale_state
from concerts import queries as concerts
from concerts.errors import ConcertNotFound
from concerts.models import Concert, Performance, PriceGrade, Seat, Section
from kernel.i18n import is_korean
from queueing import queries as queueing
from queueing.queries import QueueRules
from reservations import queries as reservations
from reservations.models import SaleHalt, SalePolicy
from reservations.queries import GradeCounts

# Concerts without a performance yet come last; a cursor can't page over NULL.
_NO_PERFORMANCE = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ConcertFilter:
    """The filter of the list; moments are aware, `until` is exclusive."""

    search: str = ""
    on_sale: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GradeSummary:
    """A price grade and how many of its seats are free."""

    row: PriceGrade
    seats_available: int


@dataclass(frozen=True, slots=True)
class PerformanceSummary:
    """A performance with all public facts of its sale."""

    row: Performance
    policy: SalePolicy | None
    queue: QueueRules | None
    sale_state: SaleState
    grades: tuple[GradeSummary, ...]
    seats_total: int
    seats_available: int


def concert_list(wanted: ConcertFilter, *, now: datetime) -> QuerySet[Concert]:
    """Return the concerts to be paged, with `opening_performance_at` and `title` to order by."""
    own = Performance.objects.public().filter(concert=OuterRef("pk"))
    first = own.order_by("starts_at").values("starts_at")[:1]
    title = ("title_ko", "title_en") if is_korean() else ("title_en", "title_ko")
    rows = (
        Concert.objects.public()
        .select_related("venue", "poster")
        .annotate(
            opening_performance_at=Coalesce(Subquery(first), Value(_NO_PERFORMANCE)),
            title=Coalesce(NullIf(title[0], Value("")), title[1]),
        )
    )
    for word in wanted.search.split():
        rows = rows.filter(_mentions(word))
    if wanted.since is not None or wanted.until is not None:
        if wanted.since is not None:
            own = own.filter(starts_at__gte=wanted.since)
        if wanted.until is not None:
            own = own.filter(starts_at__lt=wanted.until)
        rows = rows.filter(Exists(own))
    if wanted.on_sale is not None:
        selling = Q(pk__in=concerts_on_sale(now=now))
        rows = rows.filter(selling if wanted.on_sale else ~selling)
    return rows


def concerts_on_sale(*, now: datetime) -> list[UUID]:
    """Return the concerts of which a performance is ON_SALE.

    SQL leaves the few whose windows are open; `sale_state` alone decides among them.
    """
    candidates = Performance.objects.public().filter(
        status=Performance.Status.SCHEDULED,
        starts_at__gt=now,
        sale_policy__put_on_sale_at__isnull=False,
        sale_policy__sale_opens_at__lte=now,
        sale_policy__sale_closes_at__gt=now,
    )
    found = summaries(candidates, now=now)
    return sorted({s.row.concert_id for s in found if s.sale_state is SaleState.ON_SALE})


def soonest_openings(*, now: datetime, limit: int) -> list[PerformanceSummary]:
    """Return the performances whose sales open next, soonest first; stale reads are fine."""
    coming = (
        Performance.objects.public()
        .filter(
            status=Performance.Status.SCHEDULED,
            sale_policy__put_on_sale_at__isnull=False,
            sale_policy__sale_opens_at__gt=now,
        )
        .order_by("sale_policy__sale_opens_at", "starts_at", "id")
    )
    return summaries(coming[:limit], now=now)


def concert(concert_id: UUID) -> Concert:
    """Return a public concert with its venue and poster; raises `ConcertNotFound`."""
    rows = Concert.objects.public().select_related("venue", "poster")
    row = rows.filter(pk=concert_id).first()
    if row is None:
        raise ConcertNotFound
    return row


def performance_list(concert_id: UUID) -> QuerySet[Performance]:
    """Return a concert's performances to be paged, by start; raises `ConcertNotFound`."""
    concert(concert_id)
    return Performance.objects.public().filter(concert_id=concert_id)


def performance(performance_id: UUID, *, now: datetime) -> PerformanceSummary:
    """Return one public performance; raises `PerformanceNotFound`."""
    row = concerts.performance(performance_id)
    return summaries([row], now=now)[0]


def by_concert(
    concert_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, list[PerformanceSummary]]:
    """Return the public performances of several concerts, each list by start."""
    found: dict[UUID, list[PerformanceSummary]] = defaultdict(list)
    rows = Performance.objects.public().filter(concert_id__in=concert_ids).order_by("starts_at")
    for summary in summaries(rows, now=now):
        found[summary.row.concert_id].append(summary)
    return found


def summaries(rows: Iterable[Performance], *, now: datetime) -> list[PerformanceSummary]:
    """Return the summaries of public performances, in their order; six statements at most."""
    if isinstance(rows, QuerySet):
        rows = rows.select_related("concert__venue", "concert__poster")
    performances = list(rows)
    ids = [row.pk for row in performances]
    if not ids:
        return []
    policies = SalePolicy.objects.in_bulk(ids)
    halted = set(
        SaleHalt.objects.filter(performance_id__in=ids, lifted_at__isnull=True).values_list(
            "performance_id", flat=True
        )
    )
    rooms = queueing.rules(ids)
    grades = defaultdict(list)
    for grade in PriceGrade.objects.filter(performance_id__in=ids).order_by("position", "code"):
        grades[grade.performance_id].append(grade)
    counts = reservations.grade_counts(performance_ids=ids, now=now)
    return [
        _summary(
            row,
            policy=policies.get(row.pk),
            halted=row.pk in halted,
            queue=rooms.get(row.pk),
            grades=grades[row.pk],
            counts={count.grade_id: count for count in counts.get(row.pk, ())},
            now=now,
        )
        for row in performances
    ]


def availability(performance_id: UUID, *, now: datetime) -> reservations.Availability:
    """Return the state of every seat at `now`, from the primary; raises `PerformanceNotFound`.

    Seats that were never put on sale count as blocked.
    """
    row = concerts.performance(performance_id)
    found = reservations.availability(performance_id=performance_id, now=now)
    if found is not None and found.statuses:
        return found
    blocked = Seat.objects.filter(performance_id=performance_id).count()
    counts = {"available": 0, "temporarily_reserved": 0, "reserved": 0, "blocked": blocked}
    return reservations.Availability(row.layout_version, now, "B" * blocked, counts)


def seat_list(performance_id: UUID, *, section: str | None) -> QuerySet[Seat] | None:
    """Return the seats to be paged by index, or None for an unknown section.

    Raises `PerformanceNotFound`.
    """
    concerts.performance(performance_id)
    seats = Seat.objects.filter(performance_id=performance_id).select_related("section__grade")
    if section is None:
        return seats
    known = Section.objects.filter(performance_id=performance_id, code__reads=section).first()
    return None if known is None else seats.filter(section=known)


def _mentions(word: str) -> Q:
    condition = Q()
    for field in ("title", "artist", "venue__name"):
        condition |= Q(**{f"{field}_ko__mentions": word}) | Q(**{f"{field}_en__mentions": word})
    return condition


def _summary(
    row: Performance,
    *,
    policy: SalePolicy | None,
    halted: bool,
    queue: QueueRules | None,
    grades: Sequence[PriceGrade],
    counts: dict[UUID, GradeCounts],
    now: datetime,
) -> PerformanceSummary:
    required = queue if queue is not None and queue.queue_required else None
    available = sum(count.available for count in counts.values())
    facts = SaleFacts(
        status=row.status,
        starts_at=row.starts_at,
        put_on_sale=policy is not None and policy.put_on_sale_at is not None,
        sale_opens_at=policy.sale_opens_at if policy else None,
        sale_closes_at=policy.sale_closes_at if policy else None,
        halted=halted,
        queue_opens_at=required.queue_opens_at if required else None,
        queue_state=required.state if required else None,
        available=available,
        held=sum(count.held for count in counts.values()),
    )
    return PerformanceSummary(
        row=row,
        policy=policy,
        queue=required,
        sale_state=sale_state(facts, now=now),
        grades=tuple(
            GradeSummary(grade, counts[grade.pk].available if grade.pk in counts else 0)
            for grade in grades
        ),
        seats_total=sum(count.total for count in counts.values()),
        seats_available=available,
    )


@dataclass(frozen=True, slots=True)
class SectionSeats:
    """A section with its grade, and where its seats stand in the availability string."""

    row: Section
    first_index: int
    seats: int


def sections_of(performance_id: UUID) -> list[SectionSeats]:
    """Return the sections that have seats, in the hall's order; stale reads are fine."""
    rows = (
        Section.objects.filter(performance_id=performance_id)
        .select_related("grade")
        .annotate(first_index=Min("seats__index"), seat_count=Count("seats"))
        .order_by("position", "code")
    )
    return [SectionSeats(row, row.first_index, row.seat_count) for row in rows if row.seat_count]
