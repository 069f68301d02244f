"""Writes of letters, inside the transaction of the event's inbox row or of their sending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events.cloudevents import Event
from events.ids import inbox_key
from kernel.db.transaction import require_transaction
from notifications.kinds import kinds_for
from notifications.models import Mailing, Notification


@dataclass(frozen=True, slots=True)
class ClaimedLetter:
    """A letter that this worker may send until its lease is over."""

    id: UUID
    kind: str
    user_id: UUID
    data: dict[str, object]
    attempts: int
    fence: int
    created_at: datetime
    traceparent: str = ""


def write_letters(*, events: Sequence[Event], now: datetime) -> int:
    """Write down the letters and mailings that the events cause, each once; return how many.

    Needs an open transaction, in which it is two statements at most. Raises KeyError and ValueError
    for an event without its fields.
    """
    require_transaction()
    caused = [(event, kind) for event in events for kind in kinds_for(event)]
    letters = [
        _letter(
            *(event.id, kind.name, UUID(event.data["user_id"]), event.data, now),
            traceparent=event.traceparent,
        )
        for event, kind in caused
        if not kind.to_holders
    ]
    mailings = [
        Mailing(
            id=inbox_key(event.id, kind.name),
            event_id=event.id,
            kind=kind.name,
            performance_id=UUID(event.data["performance_id"]),
            data=event.data,
            created_at=now,
        )
        for event, kind in caused
        if kind.to_holders
    ]
    Notification.objects.bulk_create(letters, ignore_conflicts=True)
    Mailing.objects.bulk_create(mailings, ignore_conflicts=True)
    return len(caused)


def write_batch(*, mailing: Mailing, holders: Sequence[UUID], is_last: bool, now: datetime) -> None:
    """Write the next letters of a locked mailing, and how far it has come."""
    require_transaction()
    letters = [
        _letter(mailing.event_id, mailing.kind, user_id, mailing.data, now) for user_id in holders
    ]
    Notification.objects.bulk_create(letters, ignore_conflicts=True)
    mailing.letters += len(letters)
    mailing.last_user_id = holders[-1] if holders else mailing.last_user_id
    mailing.finished_at = now if is_last else None
    mailing.save(update_fields=["letters", "last_user_id", "finished_at"])


def _letter(
    event_id: UUID, kind: str, user_id: UUID, data: Any, now: datetime, *, traceparent: str = ""
) -> Notification:
    return Notification(
        id=inbox_key(event_id, f"{kind}:{user_id}"),
        kind=kind,
        user_id=user_id,
        data=data,
        created_at=now,
        due_at=now,
        traceparent=traceparent,
    )


def finish(letter: ClaimedLetter, *, sent_at: datetime | None, failure: str = "") -> bool:
    """Write down that a letter is sent, or given up; False where it is no longer ours."""
    status = Notification.Status.SENT if sent_at else Notification.Status.GIVEN_UP
    return _update(letter, status=status, sent_at=sent_at, failure=failure[:500])


def postpone(letter: ClaimedLetter, *, until: datetime, failure: str, counts: bool) -> bool:
    """Let a letter wait; False where it is no longer ours. An outage doesn't count as attempt."""
    return _update(
        letter, due_at=until, failure=failure[:500], attempts=letter.attempts + int(counts)
    )


def _update(letter: ClaimedLetter, **columns: object) -> bool:
    rows = Notification.objects.filter(
        pk=letter.id, fence=letter.fence, status=Notification.Status.WAITING
    )
    return bool(rows.update(**columns))
