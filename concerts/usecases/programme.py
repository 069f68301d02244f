"""Show concerts to the public, take them back, and say whether a performance takes place.

Errors: `ConcertNotFound`, `ConcertIncomplete`, `PerformanceNotFound`, `RefundWindowInvalid`
(concerts.errors).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.operations import record_audit
from concerts import events, locking, operations, policy, store
from concerts.errors import ConcertIncomplete, RefundWindowInvalid
from concerts.models import Concert, Performance
from events.operations import record
from kernel import clock
from kernel.db.transaction import transaction
from kernel.staff import audit


def publish(*, concert_id: UUID, actor_id: UUID | None, reason: str, now: datetime) -> bool:
    """Make a concert visible; return False when it was. Raises `ConcertIncomplete`."""
    with transaction():
        concert = locking.lock_concert(concert_id=concert_id)
        if concert.published_at is not None:
            return False
        missing = _missing(concert)
        if missing:
            raise ConcertIncomplete(missing=missing)
        _set_published(concert, at=now)
        _audit(concert, "publish", actor_id, reason, now)
    return True


def unpublish(*, concert_id: UUID, actor_id: UUID | None, reason: str, now: datetime) -> bool:
    """Hide a concert from the API; return False when it was hidden. What is sold stays sold."""
    with transaction():
        concert = locking.lock_concert(concert_id=concert_id)
        if concert.published_at is None:
            return False
        _set_published(concert, at=None)
        _audit(concert, "unpublish", actor_id, reason, now)
    return True


def set_status(
    *,
    performance_id: UUID,
    status: Performance.Status,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> bool:
    """Schedule, postpone or cancel a performance; return False when that was its status."""
    with transaction():
        performance, before = operations.change_status(performance_id=performance_id, status=status)
        if before == status:
            return False
        changes = {"status": {"from": before.value, "to": status.value}}
        _record_status(performance, "set_status", changes, actor_id, reason, now)
    return True


def postpone(
    *,
    performance_id: UUID,
    refund_until: datetime,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> bool:
    """Postpone a performance, and open its refund window; return False where nothing changed.

    Tickets stay valid and the sale stops. Until `refund_until` bought seats are given back without
    a fee, also once the new time is set; then the refund policy holds again. Postponed again, it
    gets the new end. Raises PerformanceNotFound and RefundWindowInvalid.
    """
    if not now < refund_until <= now + timedelta(days=policy.REFUND_DAYS_BOUNDS[1]):
        raise RefundWindowInvalid(refund_until=refund_until)
    status = Performance.Status.POSTPONED
    with transaction():
        performance, before = operations.change_status(performance_id=performance_id, status=status)
        window = operations.set_refund_window(performance=performance, until=refund_until)
        if (before, window) == (status, refund_until):
            return False
        changes = {
            "status": {"from": before.value, "to": status.value},
            "refund_until": {
                "from": clock.as_text(window) if window else None,
                "to": clock.as_text(refund_until),
            },
        }
        _record_status(performance, "postpone", changes, actor_id, reason, now)
    return True


def _record_status(
    performance: Performance,
    verb: str,
    changes: Mapping[str, Any],
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> None:
    event = events.status_changed(performance, reason=reason)
    record(events=[event] if event else [], now=now)
    record_audit(
        actor_id=actor_id,
        action=f"concerts.{verb}",
        target=audit.target(Performance, performance.pk),
        reason=reason,
        changes=changes,
        now=now,
    )


def _missing(concert: Concert) -> list[str]:
    wanted = ("title_ko", "artist_ko", "description_ko", "refund_policy_ko")
    missing = [name for name in wanted if not getattr(concert, name)]
    if not concert.performances.filter(deleted_at__isnull=True).exists():
        missing.append("performances")
    return missing


def _set_published(concert: Concert, *, at: datetime | None) -> None:
    concert.published_at = at
    concert.save(update_fields=["published_at"])
    performances = concert.performances.values_list("pk", flat=True)
    store.layouts_changed(performance_ids=list(performances))


def _audit(concert: Concert, verb: str, actor_id: UUID | None, reason: str, now: datetime) -> None:
    published_at = clock.as_text(concert.published_at) if concert.published_at else None
    record_audit(
        actor_id=actor_id,
        action=f"concerts.{verb}",
        target=audit.target_of(concert),
        reason=reason,
        changes={"published_at": published_at},
        now=now,
    )
