"""What staff changed last while a room ran, as the audit log has it: it may be undone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import AuditEntry
from kernel.staff import audit
from queueing.models import QueueConfig, RoomState
from queueing.queries import QueueRules

SET_CONFIG = "queueing.set_config"  # the action in the audit log
# What staff change while a sale runs. A change of anything else is not undone by a press.
STEERED = ("rate_per_second", "capacity", "state")
_BESIDE = {"confirmed", "undoes"}  # what an entry has beside its fields


@dataclass(frozen=True, slots=True)
class RoomChange:
    """The last change of a room: who made it, when, why, and each field before and after, as text.

    `undoable`: it is of steered fields alone, and changed a room that was there.
    """

    id: UUID
    actor_id: UUID | None
    at: datetime
    reason: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    undoable: bool


def last_change(performance_id: UUID) -> RoomChange | None:
    """Return the last change of a room's settings; None where there was none. From the primary."""
    target_type, _, target_id = audit.target(QueueConfig, performance_id).partition(":")
    entry = (
        AuditEntry.objects.filter(target_type=target_type, target_id=target_id, action=SET_CONFIG)
        .order_by("-pk")
        .first()
    )
    if entry is None:
        return None
    fields = {name: value for name, value in entry.changes.items() if name not in _BESIDE}
    before = {name: value["from"] for name, value in fields.items()}
    return RoomChange(
        id=entry.pk,
        actor_id=entry.actor_id,
        at=entry.created_at,
        reason=entry.reason,
        before=before,
        after={name: value["to"] for name, value in fields.items()},
        undoable=set(fields) <= set(STEERED) and None not in before.values(),
    )


def state_to_go_on(rules: QueueRules, *, now: datetime) -> RoomState:
    """Return the state in which a stopped room goes on: before its admission opens, PRESALE."""
    return RoomState.PRESALE if now < rules.admits_from else RoomState.OPEN
