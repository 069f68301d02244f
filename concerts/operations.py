"""Writes of this app; each requires an open transaction."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet

from concerts import locking, store
from concerts.errors import LayoutEmpty
from concerts.layout.form import Layout
from concerts.models import Performance, PriceGrade, Seat, Section
from kernel.db.transaction import require_transaction

Row = TypeVar("Row", bound=Model)


def freeze_layout(*, performance_id: UUID, now: datetime) -> Performance:
    """Lock the performance and fix its seats and prices for good; return the locked row.

    Called by whoever puts it on sale, before the inventory is made. Repeating it is harmless.
    Raises `PerformanceNotFound`, `LayoutEmpty`.
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


def change_status(*, performance_id: UUID, status: Performance.Status) -> Performance.Status:
    """Set whether the evening takes place; return the status before."""
    require_transaction()
    performance = locking.lock_performance(performance_id=performance_id)
    before = Performance.Status(performance.status)
    performance.status = status
    performance.save(update_fields=["status"])
    store.catalogue_changed()
    return before


def replace_layout(*, performance: Performance, layout: Layout) -> None:
    """Write `layout` in place of what the locked performance had, as a new version.

    Grades and sections keep their keys by code. Seats get new ones: nothing can refer to them
    before the layout is frozen (foreign keys would refuse the delete otherwise).
    """
    require_transaction()
    Seat.objects.filter(performance=performance)._raw_delete(DEFAULT_DB_ALIAS)
    grades = _put_grades(performance, layout)
    sections = _put_sections(performance, layout, grades)
    Section.objects.filter(performance=performance).exclude(code__in=sections).delete()
    PriceGrade.objects.filter(performance=performance).exclude(code__in=grades).delete()
    Seat.objects.bulk_create(
        (
            Seat(
                performance=performance,
                section=sections[seat.section],
                row=seat.row,
                number=seat.number,
                index=index,
                x=seat.x,
                y=seat.y,
                accessible=seat.accessible,
            )
            for index, seat in enumerate(layout.seats)
        ),
        batch_size=5000,
    )
    _next_version(performance)


def change_price(*, performance: Performance, grade: PriceGrade, price: int) -> None:
    """Set a grade's price; the layout of the locked performance gets a new version."""
    require_transaction()
    grade.price = price
    grade.save(update_fields=["price"])
    _next_version(performance)


def _put_grades(performance: Performance, layout: Layout) -> dict[str, PriceGrade]:
    rows = PriceGrade.objects.bulk_create(
        [
            PriceGrade(
                performance=performance,
                code=grade.code,
                name_ko=grade.name_ko,
                name_en=grade.name_en,
                price=grade.price,
                position=position,
            )
            for position, grade in enumerate(layout.grades)
        ],
        update_conflicts=True,
        unique_fields=["performance", "code"],
        update_fields=["name_ko", "name_en", "price", "position"],
    )
    return _by_code(PriceGrade.objects.filter(performance=performance), rows)


def _put_sections(
    performance: Performance, layout: Layout, grades: dict[str, PriceGrade]
) -> dict[str, Section]:
    rows = Section.objects.bulk_create(
        [
            Section(
                performance=performance,
                grade=grades[section.grade],
                code=section.code,
                name_ko=section.name_ko,
                name_en=section.name_en,
                position=position,
                focal_x=section.focal_x,
                focal_y=section.focal_y,
            )
            for position, section in enumerate(layout.sections)
        ],
        update_conflicts=True,
        unique_fields=["performance", "code"],
        update_fields=["grade", "name_ko", "name_en", "position", "focal_x", "focal_y"],
    )
    return _by_code(Section.objects.filter(performance=performance), rows)


def _by_code(stored: QuerySet[Row], wanted: list[Row]) -> dict[str, Row]:
    # An upsert of a row that was there leaves its old key in the table, not in the object.
    codes = {row.code for row in wanted}  # type: ignore[attr-defined]
    return {row.code: row for row in stored if row.code in codes}  # type: ignore[attr-defined]


def _next_version(performance: Performance) -> None:
    performance.layout_version += 1
    performance.save(update_fields=["layout_version"])
    store.layouts_changed(performance_ids=[performance.pk])
