"""Save venues, concerts and performances as staff have edited them, in one transaction.

Errors: `NeedsConfirmation`, `DoorsAfterStart`, `VenueNotFound`, `ConcertNotFound`,
`PerformanceNotFound` (concerts.errors).
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db.models import Model, Q

from accounts.operations import record_audit
from concerts import locking, schedule, store
from concerts.errors import ConcertNotFound, DoorsAfterStart, PerformanceNotFound, VenueNotFound
from concerts.models import Concert, Performance, Venue
from concerts.schedule import Move, Times
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.i18n import localized
from kernel.staff import audit

_MISSING: dict[type[Model], type[DomainError]] = {
    Venue: VenueNotFound,
    Concert: ConcertNotFound,
    Performance: PerformanceNotFound,
}  # in the order of writing: a concert's venue comes before it


@dataclass(frozen=True, slots=True)
class Edit:
    """New values of one row by column (`venue_id`, not `venue`); other columns stay."""

    model: type[Venue] | type[Concert] | type[Performance]
    key: UUID
    values: Mapping[str, Any]
    is_new: bool = False


def save(
    *,
    edits: Sequence[Edit],
    actor_id: UUID | None,
    now: datetime,
    reason: str = "",
    confirmed: Container[str] = (),
) -> None:
    """Write the edits together, each with its audit entry; rows that stay the same are left alone.

    `confirmed` holds what the `confirm` of each question in `NeedsConfirmation` says; it and the
    reason are needed only where a change is unusual (Note [Unusual changes]). Raises what the
    module names; then nothing is saved.
    """
    with transaction():
        locking.lock_schedules()
        state = _State({}, {})
        for row in locking.lock_performances(performance_ids=_affected(edits)):
            state.know(row)
        moves = _moves(state, edits)
        if any(_doors_are_late(move.after) for move in moves):
            raise DoorsAfterStart
        asked = schedule.questions(moves=moves, now=now)
        codes = schedule.require_confirmation(asked=asked, confirmed=confirmed, reason=reason)
        for edit in sorted(edits, key=lambda edit: list(_MISSING).index(edit.model)):
            changes = _write(state, edit)
            if not changes:
                continue
            if codes:
                changes["confirmed"] = codes
            record_audit(
                actor_id=actor_id,
                action=f"{edit.model._meta.label_lower}.{'added' if edit.is_new else 'changed'}",
                target=audit.target(edit.model, edit.key),
                reason=reason,
                changes=changes,
                now=now,
            )
        store.catalogue_changed()


@dataclass(slots=True)
class _State:
    """Rows as the database has them, under edits that aren't written yet."""

    rows: dict[tuple[type[Model], UUID], Any]
    edited: dict[tuple[type[Model], UUID], Mapping[str, Any]]

    def know(self, performance: Performance) -> None:
        """Remember a performance that came with its concert and venue."""
        for row in (performance, performance.concert, performance.concert.venue):
            self.rows[type(row), row.pk] = row

    def row(self, model: type[Model], key: UUID) -> Any:
        """Return the row as it is; raises the error of its model."""
        if (model, key) not in self.rows:
            row = model._default_manager.filter(pk=key).first()
            if row is None:
                raise _MISSING[model]
            self.rows[model, key] = row
        return self.rows[model, key]

    def value(self, model: type[Model], key: UUID, name: str) -> Any:
        """Return a column's value, as edited where it is."""
        values = self.edited.get((model, key), {})
        return values[name] if name in values else getattr(self.row(model, key), name)

    def times(self, key: UUID) -> Times:
        """Return when and where a performance takes place."""
        venue = self.value(Concert, self.value(Performance, key, "concert_id"), "venue_id")
        return Times(
            starts_at=self.value(Performance, key, "starts_at"),
            doors_open_at=self.value(Performance, key, "doors_open_at"),
            venue_id=venue,
            zone=self.value(Venue, venue, "timezone"),
        )

    def title(self, key: UUID) -> str:
        """Return the title of a performance's concert in the active language."""
        concert = self.value(Performance, key, "concert_id")
        names = {name: self.value(Concert, concert, name) for name in ("title_ko", "title_en")}
        return localized(SimpleNamespace(**names), "title")


def _affected(edits: Sequence[Edit]) -> set[UUID]:
    """Return the performances that exist and whose schedule the edits may change."""
    own = {edit.key for edit in edits if edit.model is Performance and not edit.is_new}
    concerts = [e.key for e in edits if e.model is Concert and "venue_id" in e.values]
    venues = [e.key for e in edits if e.model is Venue and "timezone" in e.values]
    if not concerts and not venues:
        return own
    theirs = Performance.objects.filter(
        Q(concert__in=concerts) | Q(concert__venue__in=venues), deleted_at__isnull=True
    )
    return own | set(theirs.values_list("pk", flat=True))


def _moves(state: _State, edits: Sequence[Edit]) -> list[Move]:
    existing = [key for model, key in state.rows if model is Performance]
    new = [edit.key for edit in edits if edit.model is Performance and edit.is_new]
    made = {(edit.model, edit.key): _new_row(edit) for edit in edits if edit.is_new}
    after = _State(state.rows | made, {(edit.model, edit.key): edit.values for edit in edits})
    return [
        Move(
            performance_id=key,
            title=after.title(key),
            before=state.times(key) if key in existing else None,
            after=after.times(key),
        )
        for key in (*existing, *new)
    ]


def _new_row(edit: Edit) -> Venue | Concert | Performance:
    return edit.model(pk=edit.key, **edit.values)


def _doors_are_late(times: Times) -> bool:
    return times.doors_open_at is not None and times.doors_open_at > times.starts_at


def _write(state: _State, edit: Edit) -> dict[str, Any]:
    """Write one edit; return what it changed, empty where it changed nothing."""
    if edit.is_new:
        _new_row(edit).save(force_insert=True)
        said = {name: value for name, value in edit.values.items() if value not in ("", None)}
        return {name: {"to": value} for name, value in said.items()}
    row = state.row(edit.model, edit.key)
    before = {name: getattr(row, name) for name in edit.values}
    changed = {name: value for name, value in edit.values.items() if value != before[name]}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=list(changed))
    return {name: {"from": before[name], "to": value} for name, value in changed.items()}
