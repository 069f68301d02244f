"""The use case of refusing what a member of staff asked for."""

from datetime import datetime
from uuid import UUID

from accounts import approvals
from accounts.models import Approval
from accounts.operations import record_audit
from kernel.db.transaction import transaction
from kernel.staff import audit


def refuse(*, approval_id: UUID, actor_id: UUID, reason: str, now: datetime) -> None:
    """Refuse a request of somebody else, with a reason (Note [Second person]).

    Raises ApprovalNotFound, ApprovalDecided, ApprovalExpired, OwnApproval.
    """
    with transaction():
        asked = approvals.decide(
            approval_id=approval_id, actor_id=actor_id, status=Approval.Status.REFUSED, now=now
        )
        record_audit(
            actor_id=actor_id,
            action="accounts.refuse_approval",
            target=audit.target_of(asked),
            reason=reason,
            changes={"kind": asked.kind, "subject_id": str(asked.subject_id)},
            now=now,
        )
