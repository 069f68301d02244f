"""The seats of a hall as they were planned: what never changes while they are sold."""

from dataclasses import dataclass, fields
from uuid import UUID

from concerts import queries as concerts
from concerts.models import Performance, Seat, Section


@dataclass(slots=True)
class PlannedSeat:
    """What a seat map shows of a seat; x and y in units of the layout.

    As little as that, since a hall has up to 50,000 of them: as many model instances take a second.
    """

    id: UUID
    section_id: UUID
    row: str
    number: str
    index: int
    x: float
    y: float
    accessible: bool


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """A performance's seats in index order, its sections with their grades; all or one section."""

    performance: Performance
    sections: tuple[Section, ...]
    seats: tuple[PlannedSeat, ...]


def seat_plan(performance_id: UUID, *, section: str | None = None) -> SeatPlan | None:
    """Return the static seats, of one section if its code is given; None if there is none such.

    Raises `PerformanceNotFound`. Three statements.
    """
    row = concerts.performance(performance_id)
    sections = Section.objects.filter(performance=row).select_related("grade")
    seats = Seat.objects.filter(performance=row).order_by("index")
    shown: tuple[Section, ...]
    if section is None:
        shown = tuple(sections.order_by("position", "code"))
    else:
        known = sections.filter(code__reads=section).first()
        if known is None:
            return None
        shown, seats = (known,), seats.filter(section=known)
    rows = seats.values_list(*(field.name for field in fields(PlannedSeat)))
    return SeatPlan(row, shown, tuple(PlannedSeat(*values) for values in rows))
