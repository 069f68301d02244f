"""Prepare the seats and prices of a performance; possible until it is put on sale.

Errors: `PerformanceNotFound`, `LayoutFrozen`, `LayoutInvalid`, `GradeNotFound` (concerts.errors).

Note [Imported files]
Every file that was imported, small or large, by whatever way it came, is kept by its checksum below
`layouts`; the audit entry of the import names it, so that who asks later what a hall was made of
finds it. It is written once the seats are there: what was only checked or refused leaves nothing,
and a storage that is silent holds no lock. Such a storage stops no import either: that is logged.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from uuid import UUID

from accounts.operations import record_audit
from concerts import locking, operations, queries
from concerts.errors import GradeNotFound, LayoutFrozen, LayoutInvalid, PerformanceNotFound
from concerts.layout.difference import Difference, difference, with_names
from concerts.layout.form import Layout, Progress, grouped, no_progress
from concerts.layout.rules import problems_of
from concerts.models import Performance, PriceGrade
from kernel import stored_files
from kernel.db.transaction import transaction
from kernel.staff import audit

MAX_SHOWN = 20
_FOLDER = "layouts"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LayoutFile:
    """A file as staff brought it, and when.

    Who imports one again after a fault gives the same moment, so that it is kept once.
    """

    name: str
    content: bytes
    received_at: datetime


def preview(*, performance_id: UUID, layout: Layout) -> Difference:
    """Return what importing `layout` would change; writes nothing.

    Raises `PerformanceNotFound`, `LayoutFrozen`, `LayoutInvalid`.
    """
    layout = _checked(layout)
    row = Performance.objects.filter(pk=performance_id, deleted_at__isnull=True).first()
    if row is None:
        raise PerformanceNotFound
    if row.layout_frozen_at is not None:
        raise LayoutFrozen
    old = queries.layout_of(performance_id)
    return difference(old, with_names(layout, old))


def import_layout(
    *,
    performance_id: UUID,
    layout: Layout,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
    progress: Progress = no_progress,
    file: str = "",
) -> Difference:
    """Replace the seats, sections and grades by those of `layout`; the same layout changes nothing.

    `file` is what the audit entry calls the file that it came from, if from one
    (`import_file`). Raises `PerformanceNotFound`, `LayoutFrozen`, `LayoutInvalid`.
    """
    layout = _checked(layout)
    with transaction():
        performance = locking.lock_performance(performance_id=performance_id)
        if performance.layout_frozen_at is not None:
            raise LayoutFrozen
        old = queries.layout_of(performance_id)
        new = with_names(layout, old)
        change = difference(old, new)
        if change.changed:
            operations.replace_layout(performance=performance, layout=new, progress=progress)
            record_audit(
                actor_id=actor_id,
                action="concerts.import_layout",
                target=audit.target_of(performance),
                reason=reason,
                changes={
                    **change.as_json(),
                    "layout_version": performance.layout_version,
                    **({"file": file} if file else {}),
                },
                now=now,
            )
    return change


def import_file(
    file: LayoutFile,
    *,
    performance_id: UUID,
    layout: Layout,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
    progress: Progress = no_progress,
) -> tuple[Difference, str]:
    """Import `layout`, which was read from `file`; return the change and the name of what is kept.

    The name is empty where the storage did not take the file. Raises as `import_layout`.
    """
    ending = PurePath(file.name).suffix[1:].lower()
    change = import_layout(
        performance_id=performance_id,
        layout=layout,
        actor_id=actor_id,
        reason=reason,
        now=now,
        progress=progress,
        file=stored_files.name_for(_FOLDER, file.content, ending=ending, now=file.received_at),
    )
    try:
        kept = stored_files.keep(_FOLDER, file.content, ending=ending, now=file.received_at)
    except stored_files.FileNotKept as error:
        about = {"performance": str(performance_id), "error": str(error)}
        _log.error("layout file not kept", extra=about)
        return change, ""
    return change, kept


def set_price(
    *, grade_id: UUID, price: int, actor_id: UUID | None, reason: str, now: datetime
) -> int:
    """Set the price of a grade in minor units; return the one before.

    Raises `GradeNotFound`, `LayoutFrozen`.
    """
    with transaction():
        performance_id = (
            PriceGrade.objects.filter(pk=grade_id).values_list("performance_id", flat=True).first()
        )
        if performance_id is None:
            raise GradeNotFound
        performance = locking.lock_performance(performance_id=performance_id)
        if performance.layout_frozen_at is not None:
            raise LayoutFrozen
        grade = PriceGrade.objects.get(pk=grade_id)
        before = grade.price
        if before != price:
            operations.change_price(performance=performance, grade=grade, price=price)
            record_audit(
                actor_id=actor_id,
                action="concerts.set_price",
                target=audit.target_of(grade),
                reason=reason,
                changes={"price": {"from": before, "to": price}},
                now=now,
            )
    return before


def _checked(layout: Layout) -> Layout:
    arranged = grouped(layout)
    problems = problems_of(arranged)
    if problems:
        raise LayoutInvalid(problems=[str(problem) for problem in problems[:MAX_SHOWN]])
    return arranged
