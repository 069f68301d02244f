"""The one transaction in which the payments of a batch are decided and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events.operations import record
from kernel.db.failures import LockSkipped
from kernel.db.transaction import transaction
from payments import operations, queries
from payments.models import Payment
from payments.operations import NewPayment, PaidHold
from payments.usecases.checkout.attempts import abandon_created
from payments.usecases.checkout.errors import PointsAmountMismatch
from payments.usecases.checkout.turns import PaymentTurn
from points import events as points_events
from points import operations as points
from points.operations import Debit
from points.policy import TransferKind
from reservations import operations as reservations
from reservations.usecases.holds import PaymentInProgress


class NobodyPays(Exception):
    """Roll the transaction back: no turn is left that could pay."""


@dataclass(frozen=True, slots=True)
class SettlementTransaction:
    """The turns of a batch, no reservation and no fan twice.

    Note [Batch of payments]
    Each step is one statement or two for all turns that are still open. Each turn is decided by
    itself before anything of it is written, so a refusal hurts nobody else; the statement that
    takes the points is the one that looks whether they suffice. A single turn that `waits` waits
    for its locks, as requests do. Without that nobody waits: a turn that meets a lock, or what it
    can't tell from one, goes alone, and is decided in a transaction of its own.
    """

    turns: Sequence[PaymentTurn]
    now: datetime
    waits: bool

    def carry_out(self) -> None:
        """Decide every turn, and write what the fans have paid for."""
        try:
            with transaction():
                self._settle()
        except NobodyPays:
            return

    def _settle(self) -> None:
        # 1. Lock the seats and the reservations, and refuse what is no live hold of the fan.
        self._lock_reservations()
        # 2. Refuse a second payment beside one through which money may have moved.
        self._refuse_second_payments()
        # 3. Take the points; the accounts are the last locks.
        self._take_points()
        # 4. Write the payments, sell the seats, issue the tickets, record the events.
        self._write()

    def _open(self) -> list[PaymentTurn]:
        turns = [turn for turn in self.turns if turn.is_open]
        if not turns:
            raise NobodyPays
        return turns

    def _lock_reservations(self) -> None:
        turns = self._open()
        found = reservations.lock_for_payment(
            wanted=[(turn.order.reservation_id, turn.order.user_id) for turn in turns],
            now=self.now,
            skip_locked=not self.waits,
        )
        for turn, locked in zip(turns, found, strict=True):
            if isinstance(locked, LockSkipped):
                turn.goes_alone = True
            elif isinstance(locked, Exception):
                turn.error = locked
            else:
                turn.locked, meant = locked, turn.order.points_amount
                amount = locked.reservation.money
                if meant is not None and meant != amount.amount:
                    turn.error = PointsAmountMismatch(amount=amount.as_json())

    def _refuse_second_payments(self) -> None:
        turns = self._open()
        paying = queries.with_live_payment(
            reservation_ids=[turn.order.reservation_id for turn in turns]
        )
        for turn in turns:
            status = paying.get(turn.order.reservation_id)
            if status == Payment.Status.CREATED:
                self._abandon(turn)
            elif status is not None:
                turn.error = PaymentInProgress()

    def _abandon(self, turn: PaymentTurn) -> None:
        """End the card's attempt that nobody has confirmed; its points may be those that pay."""
        if not self.waits:
            turn.goes_alone = True
            return
        events = abandon_created(locked=turn.hold, now=self.now)
        record(events=events, now=self.now)

    def _take_points(self) -> None:
        turns = [turn for turn in self._open() if turn.hold.reservation.amount]
        if not turns:
            return  # seats that cost nothing move no points
        outcomes = points.pay_many(
            debits=[
                Debit(turn.order.user_id, turn.hold.reservation.money, turn.order.payment_id)
                for turn in turns
            ],
            kind=TransferKind.PAYMENT,
            now=self.now,
            skip_locked=not self.waits,
        )
        for turn, spent in zip(turns, outcomes, strict=True):
            if isinstance(spent, LockSkipped):
                turn.goes_alone = True
            elif isinstance(spent, Exception):
                turn.error = spent
            else:
                turn.spent = spent

    def _write(self) -> None:
        turns = self._open()
        payments = operations.open_payments(
            attempts=[self._new_payment(turn) for turn in turns], now=self.now
        )
        paid = [
            PaidHold(turn.hold, payment, turn.order.correlation)
            for turn, payment in zip(turns, payments, strict=True)
        ]
        spent = [
            points_events.spent(turn.spent, correlation=turn.order.correlation)
            for turn in turns
            if turn.spent
        ]
        record(events=[*spent, *operations.complete(paid=paid, now=self.now)], now=self.now)
        for turn, payment in zip(turns, payments, strict=True):
            turn.payment = payment

    def _new_payment(self, turn: PaymentTurn) -> NewPayment:
        return NewPayment(
            locked=turn.hold,
            payment_id=turn.order.payment_id,
            request_key=turn.order.request_key,
            method=Payment.Method.POINTS,
            points=turn.hold.reservation.money,
            paid_at=self.now,
        )
