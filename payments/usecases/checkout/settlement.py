"""Settle payments by points, one or a batch of them: one transaction, then what others keep."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from kernel.db.failures import is_unavailable
from kernel.outcomes import Outcome, Undecided
from payments import metrics, policy, queries
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases.checkout.publication import PaidSeats, publish_sales
from payments.usecases.checkout.transaction import SettlementTransaction
from payments.usecases.checkout.turns import Order, PaymentTurn
from reservations.models import Reservation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderAlone(Undecided[PaymentResult]):
    """An order of a batch that could not be decided with the others, and goes alone.

    It met a lock or another order for its reservation or of its fan, or the batch failed.
    """

    order: Order
    now: datetime

    def decide(self) -> Outcome[PaymentResult]:
        """Settle the payment in a transaction of its own, which waits for its locks."""
        [decision] = _decided([PaymentTurn(self.order)], now=self.now, waits=True)
        assert not isinstance(decision, OrderAlone)
        return decision


Decision: TypeAlias = Outcome[PaymentResult] | OrderAlone


def settle_many(orders: Sequence[Order], *, now: datetime) -> list[Outcome[PaymentResult]]:
    """Settle the payments by points of up to `policy.PAYMENTS_PER_BATCH` orders.

    Returns for each order its payment, or the refusal or error, which is its fan's alone. Several
    share the statements of one (Note [Batch of payments]); who can't be decided so follows, one by
    one. Nothing is looked up for Idempotency-Keys, and refusals are counted by who gives them.
    Raises ValueError for more orders.
    """
    if len(orders) == 1:
        return [OrderAlone(orders[0], now).decide()]
    return [
        decision.decide() if isinstance(decision, OrderAlone) else decision
        for decision in settle_at_once(orders, now=now)
    ]


def settle_at_once(orders: Sequence[Order], *, now: datetime) -> list[Decision]:
    """Settle payments like `settle_many` without waiting for any lock.

    The rest comes back as `OrderAlone`: for callers that answer those who are decided, and let the
    others wait elsewhere.
    """
    if len(orders) > policy.PAYMENTS_PER_BATCH:
        raise ValueError(f"{len(orders)} payments are more than a batch takes")
    return _decided([PaymentTurn(order) for order in orders], now=now, waits=False)


def _decided(turns: Sequence[PaymentTurn], *, now: datetime, waits: bool) -> list[Decision]:
    _keep_one_of_each(turns)
    _carry_out([turn for turn in turns if turn.is_open], now, waits)
    _publish([turn for turn in turns if turn.payment], now)
    return [_decision(turn, now) for turn in turns]


def _keep_one_of_each(turns: Sequence[PaymentTurn]) -> None:
    """Let further orders for a reservation, or of a fan, go alone: they depend on the first."""
    seen: set[UUID] = set()
    for turn in turns:
        rivals = {turn.order.reservation_id, turn.order.user_id}
        turn.goes_alone = not seen.isdisjoint(rivals)
        seen.update(rivals)


def _carry_out(turns: Sequence[PaymentTurn], now: datetime, waits: bool) -> None:
    if not turns:
        return
    try:
        SettlementTransaction(turns, now, waits).carry_out()
    except Exception as error:
        # Without a connection nobody knows whether the commit took place: nobody tries again.
        final = waits or is_unavailable(error)
        if not final:
            log.warning("a batch of payments failed, each goes alone", exc_info=error)
        for turn in turns:
            if turn.payment or turn.is_open:
                turn.payment, turn.goes_alone = None, not final
                turn.error = error if final else None


def _publish(paid: Sequence[PaymentTurn], now: datetime) -> None:
    metrics.payments.labels(Payment.Method.POINTS, "paid").inc(len(paid))
    by_performance: dict[UUID, list[PaidSeats]] = defaultdict(list)
    for turn in paid:
        sale = PaidSeats(turn.order.user_id, turn.order.reservation_id, turn.hold.seat_ids)
        by_performance[turn.hold.reservation.performance_id].append(sale)
    for performance_id, sales in by_performance.items():
        publish_sales(performance_id=performance_id, sales=sales, now=now)


def _decision(turn: PaymentTurn, now: datetime) -> Decision:
    if turn.goes_alone:
        metrics.gone_alone.inc()
        return OrderAlone(turn.order, now)
    if turn.error is not None:
        return turn.error
    assert turn.payment is not None
    return queries.payment_result(turn.payment, reservation_status=Reservation.Status.CONFIRMED)
