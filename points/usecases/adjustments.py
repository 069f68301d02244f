"""Staff: give points to a fan, or take them back, with a reason."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from accounts import approvals
from accounts.operations import record_audit
from events.operations import record
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from kernel.staff import audit
from points import events, locking, operations, policy, queries
from points.models import Account
from points.operations import Adjusted
from points.policy import TransferKind

APPROVAL = "points.adjust"  # the kind of a request for a second person


class AdjustmentInvalid(DomainError):
    """An adjustment moves points, `most` at a time, and says why."""

    code = "adjustment_invalid"
    kind = Kind.INVALID
    message = text(
        en="Say why, and how many points: not none, and not too many at a time.",
        ko="사유와 조정할 포인트를 입력해 주세요. 0이거나 한도를 넘을 수 없습니다.",
    )


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What became of an adjustment: the fan's points, and the request that waits, if one does."""

    balance: Money
    approval_id: UUID | None = None


def adjust(
    *,
    user_id: UUID,
    points: int,
    adjustment_id: UUID,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
) -> Adjustment:
    """Give a fan points, or take back as many as `points` is below zero.

    Above the limit, and on an account of one's own, nothing moves until somebody else approves
    (Note [Second person] in accounts/approvals.py). Once for an `adjustment_id` and a fan: sent
    again, it changes nothing.
    Raises AdjustmentInvalid, and InsufficientPoints where the fan has fewer than are taken.
    """
    if not reason.strip() or not 0 < abs(points) <= policy.ADJUSTMENT_MAXIMUM:
        raise AdjustmentInvalid(most=policy.ADJUSTMENT_MAXIMUM)
    reference = uuid5(adjustment_id, str(user_id))
    with transaction():
        operations.open_accounts(user_ids=[user_id], now=now)
        locking.lock(accounts=[user_id])
        # Behind the lock, so that of two that are sent at once the second sees the first.
        if queries.references(kind=TransferKind.ADJUSTMENT, among=[reference]):
            return Adjustment(queries.balance(user_id=user_id))
        if actor_id is not None and approvals.needs_second_person(
            actor_id=actor_id,
            subject_id=user_id,
            amount=abs(points),
            before=queries.adjusted_since(user_id=user_id, since=now - approvals.GOOD_FOR),
        ):
            asked = approvals.ask_second_person(
                kind=APPROVAL,
                reference=reference,
                subject_id=user_id,
                facts={"points": points},
                reason=reason,
                actor_id=actor_id,
                now=now,
            )
            return Adjustment(queries.balance(user_id=user_id), asked.pk)
        return Adjustment(_carry_out(user_id, points, reference, actor_id, reason, now))


def approve(*, approval_id: UUID, actor_id: UUID, now: datetime) -> Adjustment:
    """Approve an adjustment that somebody else asked for, and carry it out.

    Raises what `accounts.approvals.take` raises, and InsufficientPoints; then it goes on waiting.
    """
    with transaction():
        asked = approvals.take(approval_id=approval_id, kind=APPROVAL, actor_id=actor_id, now=now)
        locking.lock(accounts=[asked.subject_id])
        points = int(asked.facts["points"])
        return Adjustment(
            _carry_out(
                asked.subject_id, points, asked.reference, asked.requested_by, asked.reason, now
            ),
            asked.pk,
        )


def _carry_out(
    user_id: UUID,
    points: int,
    reference: UUID,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
) -> Money:
    adjusted = _post(user_id, Money(points), reference, now)
    record(events=[events.adjusted(adjusted)], now=now)
    _audit(adjusted, actor_id, reason, now)
    return adjusted.balance_after


def _post(user_id: UUID, amount: Money, reference: UUID, now: datetime) -> Adjusted:
    posted = operations.post_transfer(
        kind=TransferKind.ADJUSTMENT,
        reference=reference,
        amounts={user_id: amount.amount, policy.ADJUSTMENTS: -amount.amount},
        currency=amount.currency,
        now=now,
    )
    return Adjusted(posted.transfer_id, user_id, amount, posted.balances[user_id])


def _audit(adjusted: Adjusted, actor_id: UUID | None, reason: str, now: datetime) -> None:
    after = adjusted.balance_after.amount
    record_audit(
        actor_id=actor_id,
        action="points.adjust",
        target=audit.target(Account, adjusted.user_id),
        reason=reason,
        changes={
            "balance": {"from": after - adjusted.amount.amount, "to": after},
            "transfer_id": str(adjusted.transfer_id),
        },
        now=now,
    )
