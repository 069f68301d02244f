"""Asking for a second person and answering, inside the transaction of the deed.

Note [Second person]
Deeds that give much away wait for another member of staff: the app that does one asks
(`ask_second_person`) instead of doing it, whichever page or command it was called from, and does it
when somebody else approves (`take`), in one transaction. Nobody approves a request of his own: the
use case refuses, and a constraint behind it. Nor does anybody give to himself: that waits however
little it is, and who would get it doesn't approve it. A request is good for 24 hours. What is above
the limit (`SECOND_PERSON_ABOVE`) is counted together with what the same fan was given by the same
kind of deed within those hours, so that no row of small ones passes by it. A command on the server
has no actor, and needs no second person: who may run it may write the rows.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts import locking
from accounts.errors import ApprovalDecided, ApprovalExpired, ApprovalNotFound, OwnApproval
from accounts.models import Approval
from accounts.operations import record_audit
from kernel.db.transaction import require_transaction
from kernel.staff import audit

GOOD_FOR = timedelta(hours=24)


def needs_second_person(*, actor_id: UUID, subject_id: UUID, amount: int, before: int) -> bool:
    """Say whether a deed of staff waits (Note [Second person]).

    `amount` is what it gives, `before` what the subject was given by its kind within `GOOD_FOR`;
    the caller holds a lock under which both stand.
    """
    return actor_id == subject_id or before + amount > settings.SECOND_PERSON_ABOVE


def ask_second_person(
    *,
    kind: str,
    reference: UUID,
    subject_id: UUID,
    facts: Mapping[str, Any],
    reason: str,
    actor_id: UUID,
    now: datetime,
) -> Approval:
    """Write a request down and audit it; the same one again is the one there is.

    Requires a lock that lets one request of this reference in at a time.
    """
    require_transaction()
    known = Approval.objects.filter(kind=kind, reference=reference).first()
    if known is not None:
        return known
    made = Approval.objects.create(
        kind=kind,
        reference=reference,
        subject_id=subject_id,
        facts=dict(facts),
        reason=reason,
        requested_by=actor_id,
        requested_at=now,
        expires_at=now + GOOD_FOR,
    )
    _audit(made, "accounts.ask_approval", actor_id, reason, now)
    return made


def take(*, approval_id: UUID, kind: str, actor_id: UUID, now: datetime) -> Approval:
    """Approve a request under its lock, before any other lock; the caller does the deed.

    Raises ApprovalNotFound, ApprovalDecided, ApprovalExpired, OwnApproval.
    """
    asked = decide(
        approval_id=approval_id, actor_id=actor_id, status=Approval.Status.APPROVED, now=now
    )
    if asked.kind != kind:
        raise ApprovalNotFound
    _audit(asked, "accounts.approve", actor_id, asked.reason, now)
    return asked


def decide(
    *, approval_id: UUID, actor_id: UUID, status: Approval.Status, now: datetime
) -> Approval:
    """Write a decision down under the request's lock; raises what `take` raises."""
    require_transaction()
    asked = locking.lock_approval(approval_id=approval_id)
    if asked is None:
        raise ApprovalNotFound
    if asked.status != Approval.Status.WAITING:
        raise ApprovalDecided(status=asked.status)
    if not asked.waits(now):
        raise ApprovalExpired(expired_at=asked.expires_at)
    gives = status == Approval.Status.APPROVED
    if actor_id == asked.requested_by or (gives and actor_id == asked.subject_id):
        raise OwnApproval
    asked.status, asked.decided_by, asked.decided_at = status, actor_id, now
    asked.save(update_fields=["status", "decided_by", "decided_at"])
    return asked


def waiting(*, now: datetime, limit: int = 100) -> list[Approval]:
    """Return the requests that may still be decided, the one that ends first in front."""
    rows = Approval.objects.filter(status=Approval.Status.WAITING, expires_at__gt=now)
    return list(rows.order_by("expires_at", "pk")[:limit])


def find(*, approval_id: UUID) -> Approval | None:
    """Return a request, decided or not."""
    return Approval.objects.filter(pk=approval_id).first()


def _audit(asked: Approval, action: str, actor_id: UUID, reason: str, now: datetime) -> None:
    record_audit(
        actor_id=actor_id,
        action=action,
        target=audit.target_of(asked),
        reason=reason,
        changes={"kind": asked.kind, "subject_id": str(asked.subject_id), **asked.facts},
        now=now,
    )
