"""Staff: change how a performance is sold; halt and resume its sale."""

from collections.abc import Container, Mapping
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from accounts.operations import record_audit
from concerts.errors import PerformanceNotFound
from concerts.locking import lock_performance
from concerts.models import Performance
from concerts.schedule import require_confirmation
from concerts.store import catalogue_changed
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff.audit import target_of
from reservations import locking, operations, queries
from reservations.models import SalePolicy
from reservations.operations import schedule


class PolicyInvalid(DomainError):
    """The windows or lengths don't fit together; `fields` names them."""

    code = "sale_policy_invalid"
    kind = Kind.INVALID
    message = text(
        en="The sale must open before it closes; a hold may not outlive its cap.",
        ko="판매 시작은 종료보다 빨라야 하며, 선점 시간은 상한을 넘을 수 없습니다.",
    )


class NoHalt(DomainError):
    """The sale isn't halted."""

    code = "sale_not_halted"
    kind = Kind.CONFLICT
    message = text(en="The sale is not halted.", ko="판매가 중지된 상태가 아닙니다.")


class HaltedMeanwhile(DomainError):
    """The sale has a halt that was not seen by who lifts its halts."""

    code = "sale_halted_meanwhile"
    kind = Kind.CONFLICT
    message = text(
        en="The sale was halted once more meanwhile. Look again.",
        ko="그사이 판매가 다시 중지되었습니다. 다시 확인해 주세요.",
    )


class PolicyExists(DomainError):
    """The performance has a sale policy, which is to be changed instead."""

    code = "sale_policy_exists"
    kind = Kind.CONFLICT
    message = text(en="It has a sale policy already.", ko="이미 판매 정책이 있습니다.")


def create_policy(
    *,
    performance_id: UUID,
    values: Mapping[str, Any],
    reason: str,
    actor_id: UUID | None,
    now: datetime,
    confirmed: Container[str] = (),
) -> SalePolicy:
    """Give a performance its sale policy; raises `PerformanceNotFound`, `PolicyExists`,
    `PolicyInvalid`, and `NeedsConfirmation` where the window is unusual and not `confirmed`.
    """
    with transaction():
        performance = lock_performance(performance_id=performance_id)
        if locking.lock_sale_policy(performance_id=performance_id) is not None:
            raise PolicyExists()
        row = operations.new_policy(performance_id=performance_id, values=values)
        wrong = _wrong(row)
        if wrong:
            raise PolicyInvalid(fields=wrong)
        codes = _confirmed(performance, None, row, confirmed=confirmed, reason=reason, now=now)
        row.save(force_insert=True)
        catalogue_changed()
        record_audit(
            actor_id=actor_id,
            action="reservations.create_policy",
            target=target_of(row),
            reason=reason,
            changes={name: {"to": value} for name, value in values.items()} | codes,
            now=now,
        )
    queries.forget_sale_terms()
    return row


def set_policy(
    *,
    performance_id: UUID,
    changes: Mapping[str, Any],
    reason: str,
    actor_id: UUID | None,
    now: datetime,
    confirmed: Container[str] = (),
) -> SalePolicy:
    """Change windows, lengths and limits, effective within a second; holds made keep theirs.

    `changes` holds fields of `policy.SALE_FIELDS`. Raises `PerformanceNotFound` (no sale policy),
    `PolicyInvalid`, and `NeedsConfirmation` where the window is unusual and not `confirmed`.
    """
    with transaction():
        performance = lock_performance(performance_id=performance_id)
        row = _locked_policy(performance_id)
        old = copy(row)
        operations.change_policy(row=row, changes=changes)
        wrong = _wrong(row)
        if wrong:
            raise PolicyInvalid(fields=wrong)
        codes = _confirmed(performance, old, row, confirmed=confirmed, reason=reason, now=now)
        row.save()
        catalogue_changed()
        record_audit(
            actor_id=actor_id,
            action="reservations.set_policy",
            target=target_of(row),
            reason=reason,
            changes={
                name: {"from": getattr(old, name), "to": value} for name, value in changes.items()
            }
            | codes,
            now=now,
        )
    queries.forget_sale_terms()
    return row


def halt(*, performance_id: UUID, reason: str, actor_id: UUID | None, now: datetime) -> None:
    """Stop the sale at once: read in the lock statement of every hold. Live holds go on."""
    with transaction():
        row = _locked_policy(performance_id)
        _halt(row, reason=reason, actor_id=actor_id, now=now)
    queries.forget_sale_terms()


def halt_for_cause(*, performance_id: UUID, cause: str, detail: str, now: datetime) -> bool:
    """Stop the sale for something that a program found, once for each cause; say whether it did.

    Staff who lift that halt have decided: the same cause never halts this sale again.
    """
    reason = f"[{cause}] {detail}"
    with transaction():
        row = _locked_policy(performance_id)
        if queries.was_halted_for(performance_id=performance_id, cause=cause):
            return False
        _halt(row, reason=reason, actor_id=None, now=now)
    queries.forget_sale_terms()
    return True


def resume(
    *,
    performance_id: UUID,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
    seen: Container[UUID] | None = None,
) -> None:
    """Lift every halt of the sale, effective within a second.

    `seen` are the halts that the caller knows of; None: all. Raises `NoHalt`, and
    `HaltedMeanwhile` where there is another.
    """
    with transaction():
        row = _locked_policy(performance_id)
        live = queries.live_halts(performance_id=performance_id)
        if seen is not None and any(one.id not in seen for one in live):
            raise HaltedMeanwhile()
        lifted = operations.lift_halts(performance_id=performance_id, now=now)
        if not lifted:
            raise NoHalt()
        catalogue_changed()
        record_audit(
            actor_id=actor_id,
            action="reservations.resume",
            target=target_of(row),
            reason=reason,
            changes={"halts": lifted},
            now=now,
        )
    queries.forget_sale_terms()


def _locked_policy(performance_id: UUID) -> SalePolicy:
    row = locking.lock_sale_policy(performance_id=performance_id)
    if row is None:
        raise PerformanceNotFound()
    return row


def _halt(row: SalePolicy, *, reason: str, actor_id: UUID | None, now: datetime) -> None:
    operations.add_halt(performance_id=row.performance_id, reason=reason, now=now)
    catalogue_changed()
    record_audit(
        actor_id=actor_id,
        action="reservations.halt",
        target=target_of(row),
        reason=reason,
        changes={},
        now=now,
    )


def _confirmed(
    performance: Performance,
    before: SalePolicy | None,
    after: SalePolicy,
    *,
    confirmed: Container[str],
    reason: str,
    now: datetime,
) -> dict[str, list[str]]:
    """Return what was unusual and confirmed, for the audit entry (Note [Unusual changes])."""
    asked = list(
        schedule.window_questions(performance=performance, before=before, after=after, now=now)
    )
    codes = require_confirmation(asked=asked, confirmed=confirmed, reason=reason)
    return {"confirmed": codes} if codes else {}


def _wrong(row: SalePolicy) -> list[str]:
    """Name the fields that are out of bounds or don't fit together, as the model says."""
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        apart = error.error_dict.pop(NON_FIELD_ERRORS, [])  # a constraint's code names its field
        return sorted({*error.error_dict, *(str(each.code) for each in apart)})
    return []
