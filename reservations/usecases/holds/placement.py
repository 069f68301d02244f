"""One request to hold seats, in a batch or by itself, until it is decided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from idempotency.usecases.leases import execute_once
from kernel.outcomes import Outcome, Undecided, outcome_of, result_of
from reservations import metrics, policy, queries
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.seating.snapshot import snapshots
from reservations.usecases.holds.batches import Alone, hold_alone
from reservations.usecases.holds.batches import Decision as AttemptDecision
from reservations.usecases.holds.errors import (
    NoSeatsMatch,
    OrphanSeat,
    SeatTaken,
    SelectionInvalid,
)
from reservations.usecases.holds.preconditions import check_preconditions, limits_of_hold
from reservations.usecases.holds.turns import Attempt, HoldRequest


@dataclass(slots=True)
class Placement(Undecided[ReservationDetail]):
    """A request and how far it is: its next attempt, or the one that a batch could not decide.

    Named seats are tried once. The best ones are proposed by this process's snapshot, and where
    a rival is faster, others are, up to `policy.BEST_ATTEMPTS` times. `resumed`: the hold may be
    there already, made under the same Idempotency-Key.
    """

    request: HoldRequest
    now: datetime
    resumed: bool = False
    alone: Alone | None = None
    _attempt_on: Callable[[Sequence[UUID]], Attempt] | None = None
    _proposed: Sequence[UUID] = ()
    _tries: int = 0

    @property
    def has_claims(self) -> bool:
        """Say whether seats are claimed for it, in the way of others."""
        return self.alone is not None and self.alone.stale is not None

    def decide(self) -> Outcome[ReservationDetail]:
        """Decide it by itself: it waits for its locks, and finds what its key has made before."""
        request = self.request
        return outcome_of(
            execute_once,
            self._hold,
            find=lambda: queries.find(
                reservation_id=request.reservation_id, user_id=request.user_id, now=self.now
            ),
            resumed=self.resumed,
            keyed=request.keyed,
        )

    def next_attempt(self) -> Attempt:
        """Return what it tries to hold next; raises the refusals that need no lock.

        Tried in a batch, it takes up by `take_up` what the batch has made of it.
        """
        request = self.request
        if self._attempt_on is None:
            self._attempt_on = _admitted(request, self.now)
        if request.wish is None:
            attempt = self._attempt_on(request.seat_ids)
            if attempt.terms.orphan_rule:
                _leave_no_single_seat(attempt, self.now)
            return attempt
        attempt = self._attempt_on(self._propose(request.wish))
        return attempt.uncounted() if self._tries else attempt  # one of the fan's, however many

    def take_up(self, decision: AttemptDecision) -> "Decision":
        """Return what is decided by the attempt in a batch, or itself, to go on alone."""
        if isinstance(decision, Alone):
            self.alone = decision
            return self
        self.end_proposal()
        outcome = outcome_of(self._judge, decision)
        return self if outcome is None else outcome

    def end_proposal(self) -> None:
        """Give back the proposed seats of which nothing was learnt."""
        if self._proposed:
            snapshots.end_proposal(
                performance_id=self.request.performance_id, seat_ids=self._proposed
            )
            self._proposed = ()

    def _hold(self) -> ReservationDetail:
        outcome: Outcome[ReservationDetail] | None = None
        while outcome is None:
            alone, self.alone = self.alone, None
            try:
                tried = alone.decide() if alone else hold_alone(self.next_attempt(), now=self.now)
            finally:
                self.end_proposal()
            outcome = self._judge(tried)
        return result_of(outcome)

    def _judge(self, tried: Outcome[ReservationDetail]) -> Outcome[ReservationDetail] | None:
        """Return what an attempt has come to; None where it only costs another one."""
        if self.request.wish is None or not isinstance(tried, SeatTaken):
            return tried
        self._tries += 1
        if self._tries == policy.BEST_ATTEMPTS:
            return tried
        snapshots.refresh(performance_id=self.request.performance_id, now=self.now)
        return None

    def _propose(self, wish: Wish) -> Sequence[UUID]:
        self._proposed = snapshots.propose(
            performance_id=self.request.performance_id, wish=wish, now=self.now
        )
        if not self._proposed:
            self.request.context.run(metrics.count_hold, "no_seats_match")
            raise NoSeatsMatch()
        return self._proposed


Decision: TypeAlias = Outcome[ReservationDetail] | Placement


def check_selection(seat_ids: Sequence[UUID]) -> None:
    """Raise `SelectionInvalid` unless each seat is named once, and not too many are."""
    if len(set(seat_ids)) != len(seat_ids) or not policy.fits_a_request(len(seat_ids)):
        raise SelectionInvalid(most=policy.MAX_SEATS_PER_REQUEST)


def _admitted(request: HoldRequest, now: datetime) -> Callable[[Sequence[UUID]], Attempt]:
    """Check the preconditions of what is wanted; return what makes attempts on seats."""
    if request.wish is None:
        check_selection(request.seat_ids)
    terms, admission = check_preconditions(
        user_id=request.user_id,
        performance_id=request.performance_id,
        seats=request.wish.count if request.wish else len(request.seat_ids),
        queue_token=request.queue_token,
        now=now,
    )
    hold_limits = limits_of_hold(terms, request.client_ip)

    def attempt_on(seat_ids: Sequence[UUID]) -> Attempt:
        return Attempt(
            request.user_id,
            request.performance_id,
            request.reservation_id,
            tuple(sorted(seat_ids)),
            terms,
            admission.joined_ms if admission else None,
            hold_limits,
            request.limit_status,
            request.context,
        )

    return attempt_on


def _leave_no_single_seat(attempt: Attempt, now: datetime) -> None:
    single = snapshots.single_seats_left(
        performance_id=attempt.performance_id, seat_ids=attempt.seat_ids, now=now
    )
    if single:
        attempt.context.run(metrics.count_hold, "orphan")
        raise OrphanSeat(seat_ids=single)
