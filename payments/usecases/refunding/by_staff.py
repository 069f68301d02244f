"""Use cases of staff who give bought seats back: by the policy, or all of it as goodwill.

What goes beyond the policy above the limit waits for a second person (Note [Second person] in
accounts/approvals.py), whichever page or command asks.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from accounts import approvals
from accounts.operations import record_audit
from events.operations import record
from kernel.db.advisory import lock_for_transaction
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from payments import operations, policy
from payments import refund_queries as queries
from payments.cancellation import Purchase, Quote, judge, judge_goodwill
from payments.freed_seats import publish_freed
from payments.operations import BY_STAFF, GOODWILL
from payments.operations.cancellations import Cancelled
from payments.refund_queries import CancellationResult
from payments.usecases.refunding.cancelling import lock_bought
from payments.usecases.refunding.paying_back import try_at_once
from reservations.models import Reservation
from reservations.operations import LockedReservation

APPROVAL = "payments.goodwill"  # the kind of a request for a second person


class RefundReasonMissing(DomainError):
    """Staff say why they refund."""

    code = "refund_reason_missing"
    kind = Kind.INVALID
    message = text(en="Say why it is refunded.", ko="환불 사유를 입력해 주세요.")


@dataclass(frozen=True, slots=True)
class StaffRefund:
    """What became of a refund by staff: what was given up, or the request that waits."""

    result: CancellationResult | None
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be refunded, by whom and why."""

    reservation_id: UUID
    seat_ids: tuple[UUID, ...]
    goodwill: bool
    cancellation_id: UUID
    reason: str
    actor_id: UUID | None


def quote_for_staff(
    *,
    reservation_id: UUID,
    seat_ids: Collection[UUID] | None,
    goodwill: bool,
    now: datetime,
) -> Quote:
    """Return what a refund by staff gives back at `now`; raises what `refund` raises of it."""
    user_id = queries.buyer_of(reservation_id=reservation_id)
    bought = queries.purchase(reservation_id=reservation_id, user_id=user_id)
    return _judge(bought, seat_ids, goodwill, now)


def refund(
    *,
    reservation_id: UUID,
    seat_ids: Collection[UUID],
    goodwill: bool,
    cancellation_id: UUID,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
) -> StaffRefund:
    """Give seats of a fan back by the policy's quote, or with `goodwill` all that they cost.

    Goodwill above the limit, or for oneself, waits for a second person. Once for a
    `cancellation_id`: sent again, it changes nothing. Raises RefundReasonMissing,
    ReservationNotFound and what `payments.cancellation.judge` raises.
    """
    if not reason.strip():
        raise RefundReasonMissing
    wish = _Wish(
        reservation_id, tuple(sorted(seat_ids)), goodwill, cancellation_id, reason, actor_id
    )
    user_id = queries.buyer_of(reservation_id=reservation_id)
    with transaction():
        if goodwill:  # what the fan was given is counted, over all reservations
            lock_for_transaction(f"{APPROVAL} {user_id}")
        locked = lock_bought(reservation_id=reservation_id, user_id=user_id)
        known = queries.cancellation_of_request(request_key=_key(cancellation_id))
        if known is not None:
            return StaffRefund(known)
        bought = queries.purchase(reservation_id=reservation_id, user_id=user_id)
        quote = _judge(bought, wish.seat_ids, goodwill, now)
        if goodwill and _needs_another(wish, user_id, quote, now):
            return StaffRefund(None, _ask_second_person(wish, user_id, quote, now))
        done = _give_back(locked, quote, wish, now)
    return StaffRefund(_finish(locked, quote, done, wish, now))


def approve(*, approval_id: UUID, actor_id: UUID, now: datetime) -> StaffRefund:
    """Approve goodwill that somebody else asked for, and give it back as the seats stand now.

    Raises what `accounts.approvals.take` raises and what `refund` raises; then it goes on waiting.
    """
    with transaction():
        asked = approvals.take(approval_id=approval_id, kind=APPROVAL, actor_id=actor_id, now=now)
        wish = _Wish(
            UUID(asked.facts["reservation_id"]),
            tuple(UUID(one) for one in asked.facts["seat_ids"]),
            True,
            asked.reference,
            asked.reason,
            asked.requested_by,
        )
        locked = lock_bought(reservation_id=wish.reservation_id, user_id=asked.subject_id)
        bought = queries.purchase(reservation_id=wish.reservation_id, user_id=asked.subject_id)
        quote = judge_goodwill(bought, seat_ids=wish.seat_ids)
        done = _give_back(locked, quote, wish, now)
    return StaffRefund(_finish(locked, quote, done, wish, now), approval_id)


def _judge(
    bought: Purchase, seat_ids: Collection[UUID] | None, goodwill: bool, now: datetime
) -> Quote:
    if goodwill:
        return judge_goodwill(bought, seat_ids=seat_ids)
    return judge(bought, seat_ids=seat_ids, now=now)


def _needs_another(wish: _Wish, user_id: UUID, quote: Quote, now: datetime) -> bool:
    """Say whether goodwill for a fan, who is under lock, waits for a second person."""
    return wish.actor_id is not None and approvals.needs_second_person(
        actor_id=wish.actor_id,
        subject_id=user_id,
        amount=quote.paid,
        before=queries.goodwill_since(user_id=user_id, since=now - approvals.GOOD_FOR),
    )


def _ask_second_person(wish: _Wish, user_id: UUID, quote: Quote, now: datetime) -> UUID:
    assert wish.actor_id is not None
    asked = approvals.ask_second_person(
        kind=APPROVAL,
        reference=wish.cancellation_id,
        subject_id=user_id,
        facts={
            "reservation_id": str(wish.reservation_id),
            "seat_ids": [str(one) for one in wish.seat_ids],
            "amount": quote.paid,
            "currency": quote.payment.currency,
        },
        reason=wish.reason,
        actor_id=wish.actor_id,
        now=now,
    )
    key: UUID = asked.pk
    return key


def _give_back(locked: LockedReservation, quote: Quote, wish: _Wish, now: datetime) -> Cancelled:
    done = operations.cancel(
        cancellation_id=wish.cancellation_id,
        request_key=_key(wish.cancellation_id),
        locked=locked,
        quote=quote,
        reason=GOODWILL if wish.goodwill else BY_STAFF,
        resolve_after=now + policy.REQUEST_TAKES,
        now=now,
    )
    record(events=done.events, now=now)
    record_audit(
        actor_id=wish.actor_id,
        action="payments.refund",
        target=audit.target(Reservation, wish.reservation_id),
        reason=wish.reason,
        changes={
            "seat_ids": [str(one) for one in quote.seat_ids],
            "paid": quote.paid,
            "fee": quote.fee,
            "goodwill": wish.goodwill,
        },
        now=now,
    )
    return done


def _finish(
    locked: LockedReservation, quote: Quote, done: Cancelled, wish: _Wish, now: datetime
) -> CancellationResult:
    publish_freed(locked=locked, seat_ids=quote.seat_ids, now=now)
    if done.gateway_refund is not None:
        try_at_once(refund_id=done.gateway_refund, now=now)
    return queries.cancellation(cancellation_id=wish.cancellation_id)


def _key(cancellation_id: UUID) -> str:
    return sha256(f"refund by staff {cancellation_id}".encode()).hexdigest()
