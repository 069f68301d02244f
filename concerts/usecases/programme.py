"""Show concerts to the public, take them back, and say whether a performance takes place.

Errors: `ConcertNotFound`, `ConcertIncomplete`, `PerformanceNotFound` (concerts.errors).
"""

from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from concerts import locking, operations, store
from concerts.errors import ConcertIncomplete
from concerts.models import Concert, Performance
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
        before = operations.change_status(performance_id=performance_id, status=status)
        if before == status:
            return False
        record_audit(
            actor_id=actor_id,
            action="concerts.set_status",
            target=audit.target(Performance, performance_id),
            reason=reason,
            changes={"status": {"from": before.value, "to": status.value}},
            now=now,
        )
    return True


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
