"""Staff: set what giving bought seats up costs."""

from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from concerts.locking import lock_performance
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff.audit import target_of
from payments import fees, locking
from payments.models import REFUND_POLICY_UNIQUE, RefundPolicy


class RefundPolicyInvalid(DomainError):
    """The fee table has a line that is none, or two for one hour."""

    code = "refund_policy_invalid"
    kind = Kind.INVALID
    message = text(
        en="A fee table has 1 to 20 lines such as 72 20% or 24 5000, no hour twice.",
        ko="수수료표는 72 20%, 24 5000과 같은 줄 1~20개이며 같은 시간은 한 번만 쓸 수 있습니다.",
    )


class RefundPolicyExists(DomainError):
    """Somebody has just made one, which is to be changed instead."""

    code = "refund_policy_exists"
    kind = Kind.CONFLICT
    message = text(en="It has a refund policy already.", ko="이미 환불 기준이 있습니다.")


def set_refund_policy(
    *,
    performance_id: UUID | None,
    said: str,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
) -> RefundPolicy:
    """Set the fee table of a performance, None: of all that have none; in force at once.

    `said` is a text of lines as `payments.fees` describes them. What was cancelled before stays.
    Raises RefundPolicyInvalid, RefundPolicyExists, PerformanceNotFound.
    """
    try:
        wanted = fees.as_text(fees.parse(said).fees)
    except ValueError as wrong:
        raise RefundPolicyInvalid from wrong
    with transaction(), constraints_explained({REFUND_POLICY_UNIQUE: RefundPolicyExists}):
        if performance_id is not None:
            lock_performance(performance_id=performance_id)
        row = locking.lock_refund_policy(performance_id=performance_id)
        before = row.fees if row else None
        row = row or RefundPolicy(performance_id=performance_id, version=0)
        row.fees = wanted
        row.version += 1
        row.save()
        record_audit(
            actor_id=actor_id,
            action="payments.set_refund_policy",
            target=target_of(row),
            reason=reason,
            changes={"fees": {"from": before, "to": wanted}},
            now=now,
        )
    return row
