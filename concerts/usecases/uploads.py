"""Keep a large layout file until a worker has read it, and say what came of it.

Note [Large layout files]
A file of some megabytes costs seconds and hundreds of megabytes to read, in an API process at the
cost of everybody else. So a request only puts it into PostgreSQL, in parts, and a worker's tick
takes one file at a time. The worker that takes it holds a lease with a fence and prolongs it with
every step it shows; a worker that died leaves the file to the next one, and importing a layout
again changes nothing. The bytes go as soon as there is a result; the result goes after a week.
What was imported stays in the storage (Note [Imported files], layouts.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from concerts import policy
from concerts.errors import LayoutUploadsFull, PerformanceNotFound
from concerts.models import LayoutUpload, LayoutUploadPart, Performance
from kernel.db.advisory import lock_for_transaction
from kernel.db.transaction import transaction

_UNFINISHED = (LayoutUpload.State.WAITING, LayoutUpload.State.RUNNING)


@dataclass(frozen=True, slots=True)
class TakenUpload:
    """An upload that is ours to read until its lease ends."""

    id: UUID
    fence: int
    performance_id: UUID
    name: str
    content: bytes
    is_import: bool
    reason: str
    actor_id: UUID | None
    received_at: datetime


def keep(
    *,
    performance_id: UUID,
    name: str,
    parts: Iterable[bytes],
    is_import: bool,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
) -> UUID:
    """Store a file for a worker; return its key. Raises `PerformanceNotFound`, `LayoutUploadsFull`.

    `parts` are stored as they come, `policy.PART_BYTES` each at most.
    """
    with transaction():
        lock_for_transaction("concerts.layout_uploads")
        if LayoutUpload.objects.filter(state__in=_UNFINISHED).count() >= policy.UPLOADS_WAITING:
            raise LayoutUploadsFull
        if not Performance.objects.filter(pk=performance_id, deleted_at__isnull=True).exists():
            raise PerformanceNotFound
        upload = LayoutUpload.objects.create(
            performance_id=performance_id,
            name=name,
            is_import=is_import,
            reason=reason,
            actor_id=actor_id,
            created_at=now,
        )
        for number, content in enumerate(parts):
            LayoutUploadPart.objects.create(upload=upload, number=number, content=content)
    key: UUID = upload.pk
    return key


def take(*, now: datetime) -> TakenUpload | None:
    """Take the oldest file that nobody reads, unless another is being read; None for none.

    One that was given up too often is marked as failed instead.
    """
    with transaction():
        lock_for_transaction("concerts.layout_uploads")
        running = LayoutUpload.objects.filter(state=LayoutUpload.State.RUNNING)
        if running.filter(lease_until__gt=now).exists():
            return None
        upload = LayoutUpload.objects.filter(state__in=_UNFINISHED).order_by("created_at").first()
        if upload is None:
            return None
        if upload.fence > policy.UPLOAD_RETRIES:
            _finish(upload.pk, upload.fence, LayoutUpload.State.FAILED, {}, now)
            return None
        upload.fence += 1
        upload.state = LayoutUpload.State.RUNNING
        upload.lease_until = now + policy.UPLOAD_LEASE
        upload.save(update_fields=["fence", "state", "lease_until"])
        parts = upload.parts.order_by("number").values_list("content", flat=True)
        content = b"".join(bytes(part) for part in parts)
    return TakenUpload(
        upload.pk,
        upload.fence,
        upload.performance_id,
        upload.name,
        content,
        upload.is_import,
        upload.reason,
        upload.actor_id,
        upload.created_at,
    )


def finish(
    *,
    taken: TakenUpload,
    state: LayoutUpload.State,
    report: dict[str, Any],
    file: str = "",
    now: datetime,
) -> bool:
    """Write down what came of a file and delete its bytes; False when the lease was lost.

    `file` is the name under which a storage has it.
    """
    with transaction():
        return _finish(taken.id, taken.fence, state, report, now, file)


def delete_old_results(*, now: datetime) -> int:
    """Delete the results that have been kept long enough; return how many rows went."""
    with transaction():
        old = Q(finished_at__lt=now - policy.UPLOADS_KEPT)
        return LayoutUpload.objects.filter(old).delete()[0]


def _finish(
    upload_id: UUID,
    fence: int,
    state: LayoutUpload.State,
    report: dict[str, Any],
    now: datetime,
    file: str = "",
) -> bool:
    ours = LayoutUpload.objects.filter(pk=upload_id, fence=fence, state__in=_UNFINISHED)
    ended = {"lease_until": None, "finished_at": now}
    if not ours.update(state=state, report=report, file=file, **ended):
        return False
    LayoutUploadPart.objects.filter(upload_id=upload_id).delete()
    return True
