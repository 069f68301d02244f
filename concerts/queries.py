"""Reads of this app. Layouts for staff come from the primary."""

from uuid import UUID

from concerts.errors import PerformanceNotFound
from concerts.layout.form import GradeForm, Layout, Outline, SeatForm, SectionForm
from concerts.models import Performance, PriceGrade, Seat, Section


def performance(performance_id: UUID) -> Performance:
    """Return a public performance with its concert, venue and poster; raises `PerformanceNotFound`.

    One query; stale reads are fine where the caller says so.
    """
    row = (
        Performance.objects.public()
        .select_related("concert__venue", "concert__poster")
        .filter(pk=performance_id)
        .first()
    )
    if row is None:
        raise PerformanceNotFound
    return row


def is_there(performance_id: UUID) -> bool:
    """Say whether there is such a performance, public or not."""
    return Performance.objects.filter(pk=performance_id).exists()


def layout_of(performance_id: UUID) -> Layout:
    """Return the layout as it could be written to a file; empty where there is none yet."""
    performances = Performance.objects.filter(pk=performance_id)
    stage = performances.values_list("stage_outline", flat=True).first()
    grades = PriceGrade.objects.filter(performance_id=performance_id).order_by("position", "code")
    sections = (
        Section.objects.filter(performance_id=performance_id)
        .select_related("grade")
        .order_by("position", "code")
    )
    seats = (
        Seat.objects.filter(performance_id=performance_id)
        .order_by("index")
        .values_list("section__code", "row", "number", "x", "y", "accessible")
    )
    return Layout(
        tuple(GradeForm(g.code, g.name_ko, g.name_en, g.price) for g in grades),
        tuple(
            SectionForm(
                *(s.code, s.name_ko, s.name_en, s.grade.code, s.focal_x, s.focal_y),
                outline=_outline(s.outline),
            )
            for s in sections
        ),
        tuple(SeatForm(*seat) for seat in seats),
        _outline(stage),
    )


def _outline(corners: list[list[float]] | None) -> Outline | None:
    return None if corners is None else tuple((float(x), float(y)) for x, y in corners)
