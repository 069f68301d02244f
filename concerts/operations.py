"""Writes of this app; each requires an open transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from concerts import locking, store
from concerts.errors import LayoutEmpty
from concerts.layout.form import Layout, Progress, no_progress
from concerts.models import Performance, PriceGrade, Seat, Section
from kernel.db.planner_statistics import analyze_after_commit, discard_plans
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.text.spelling import fold

SEATS_A_STATEMENT = 5000


def freeze_layout(*, performance_id: UUID, now: datetime) -> Performance:
    """Lock the performance and fix its seats and prices for good; return the locked row.

    Called by the use case that puts it on sale, before the inventory is made. Repeating it is
    harmless. Raises `PerformanceNotFound`, `LayoutEmpty`.
    """
    performance = locking.lock_performance(performance_id=performance_id)
    if performance.layout_frozen_at is not None:
        return performance
    if not Seat.objects.filter(performance=performance).exists():
        raise LayoutEmpty
    performance.layout_frozen_at = now
    performance.save(update_fields=["layout_frozen_at"])
    store.layouts_changed(performance_ids=[performance.pk])
    return performance


def change_status(
    *, performance_id: UUID, status: Performance.Status
) -> tuple[Performance, Performance.Status]:
    """Set whether the performance takes place; return it, and the status before."""
    require_transaction()
    performance = locking.lock_performance(performance_id=performance_id)
    before = Performance.Status(performance.status)
    performance.status = status
    performance.save(update_fields=["status"])
    store.catalogue_changed()
    return performance, before


def set_refund_window(*, performance: Performance, until: datetime) -> datetime | None:
    """Set until when a locked performance is given back without a fee; return what it was."""
    require_transaction()
    before = performance.refund_until
    performance.refund_until = until
    performance.save(update_fields=["refund_until"])
    return before


def replace_layout(
    *, performance: Performance, layout: Layout, progress: Progress = no_progress
) -> None:
    """Write `layout` in place of what the locked performance had, as a new version.

    Grades and sections keep their keys by code, however it is spelled now. Seats get new ones:
    nothing can refer to them before the layout is frozen (foreign keys would refuse the delete).
    """
    require_transaction()
    Seat.objects.filter(performance=performance)._raw_delete(DEFAULT_DB_ALIAS)
    grades = _put_grades(performance, layout)
    sections = _put_sections(performance, layout, grades)
    kept = [row.pk for row in sections.values()]
    Section.objects.filter(performance=performance).exclude(pk__in=kept).delete()
    kept = [row.pk for row in grades.values()]
    PriceGrade.objects.filter(performance=performance).exclude(pk__in=kept).delete()
    discard_plans()
    for begin in range(0, len(layout.seats), SEATS_A_STATEMENT):
        progress("writing", begin, len(layout.seats))
        Seat.objects.bulk_create(
            Seat(
                performance=performance,
                section=sections[fold(seat.section)],
                row=seat.row,
                number=seat.number,
                index=index,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
            )
            for index, seat in enumerate(layout.seats[begin : begin + SEATS_A_STATEMENT], begin)
        )
    analyze_after_commit(PriceGrade, Section, Seat)
    performance.stage_outline = layout.stage
    _next_version(performance, "stage_outline")


def change_price(*, performance: Performance, grade: PriceGrade, price: int) -> None:
    """Set a grade's price; the layout of the locked performance gets a new version."""
    require_transaction()
    grade.price = price
    grade.save(update_fields=["price"])
    _next_version(performance)


def _put_grades(performance: Performance, layout: Layout) -> dict[str, PriceGrade]:
    keys = _keys_by_code(PriceGrade.objects.filter(performance=performance))
    rows = {
        fold(grade.code): PriceGrade(
            pk=keys.get(fold(grade.code)) or uuid7(),
            performance=performance,
            code=grade.code,
            name_ko=grade.name_ko,
            name_en=grade.name_en,
            price=grade.price,
            position=position,
        )
        for position, grade in enumerate(layout.grades)
    }
    PriceGrade.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["code", "name_ko", "name_en", "price", "position"],
    )
    return rows


def _put_sections(
    performance: Performance, layout: Layout, grades: dict[str, PriceGrade]
) -> dict[str, Section]:
    keys = _keys_by_code(Section.objects.filter(performance=performance))
    rows = {
        fold(section.code): Section(
            pk=keys.get(fold(section.code)) or uuid7(),
            performance=performance,
            grade=grades[fold(section.grade)],
            code=section.code,
            name_ko=section.name_ko,
            name_en=section.name_en,
            position=position,
            focal_x=section.focal_x,
            focal_y=section.focal_y,
            outline=section.outline,
        )
        for position, section in enumerate(layout.sections)
    }
    Section.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[
            *("code", "grade", "name_ko", "name_en", "position", "focal_x", "focal_y", "outline")
        ],
    )
    return rows


def _keys_by_code(rows: QuerySet[Any]) -> dict[str, UUID]:
    return {fold(code): key for key, code in rows.values_list("pk", "code")}


def _next_version(performance: Performance, *also: str) -> None:
    performance.layout_version += 1
    performance.save(update_fields=["layout_version", *also])
    store.layouts_changed(performance_ids=[performance.pk])
