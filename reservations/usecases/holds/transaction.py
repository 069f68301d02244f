"""The one transaction in which the holds of a batch are decided and written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from accounts.errors import AccountClosed
from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from reservations import events, locking, operations, queries
from reservations.claims import BLOCKED, Claim
from reservations.locking import LockedFan, LockedSeat
from reservations.usecases.holds.errors import SeatNotFound, SeatTaken
from reservations.usecases.holds.preconditions import check_open
from reservations.usecases.holds.turns import HoldTurn


class NobodyHolds(Exception):
    """Roll the transaction back: no turn is left that could hold anything."""


@dataclass(frozen=True, slots=True)
class BatchTransaction:
    """The turns of a batch, at most one of a fan at a performance, whose seats are claimed.

    Note [Batch of holds]
    Each step is one statement for all turns that are still open, and each turn is decided by
    itself, before anything is written: who is refused hurts nobody. A single turn that `waits`
    waits for its locks, as requests do. Without that it waits for nobody: a turn that meets a lock,
    or what it can't tell from one, goes alone, and is decided in a transaction of its own.
    """

    turns: Sequence[HoldTurn]
    now: datetime
    waits: bool

    def carry_out(self) -> list[NewEvent]:
        """Decide every turn and write its hold; return the events of the lapsed holds it ended."""
        try:
            with transaction():
                return self._hold()
        except NobodyHolds:
            return []

    def _hold(self) -> list[NewEvent]:
        # 1. Count: one hold of a fan at a time, so that the number is true until the commit.
        self._count_seats_of_fans()
        # 2. Lock the seats: these rows decide, and what they say corrects stale claims.
        self._lock_seats()
        # 3. Expire what is taken over or counted as nothing (Note [Lapsed is written down]).
        expired = self._expire_lapsed()
        # 4. Check the rules in force, behind the last statement that may have waited.
        self._check_rules()
        # 5. Take the seats, all of a turn or none, and write the reservations with their events.
        self._take_seats(expired)
        return expired

    def _open(self) -> list[HoldTurn]:
        turns = [turn for turn in self.turns if turn.is_open]
        if not turns:
            raise NobodyHolds
        return turns

    def _count_seats_of_fans(self) -> None:
        self._lock_fans()
        turns = self._open()
        self._count(turns)
        for turn in turns:
            turn.refuse_above(turn.attempt.terms.max_seats_per_fan)
        judges = [turn for turn in turns if turn.error and turn.stale]
        if judges:
            # Of this second's callers only these were sent on to look; they wait for nobody.
            seat_ids = sorted({seat_id for turn in judges for seat_id in turn.attempt.seat_ids})
            rows = locking.lock_rows(seat_ids=seat_ids, skip_locked=True)
            for turn in judges:
                turn.corrections = turn.free_stale_claims(rows)

    def _lock_fans(self) -> None:
        if self.waits:
            [(user_id, performance_id)] = [turn.attempt.fan for turn in self.turns]
            self._judge(
                self.turns[0],
                locking.lock_fan(user_id=user_id, performance_id=performance_id),
            )
            return
        locked = locking.try_lock_fans(fans=[turn.attempt.fan for turn in self.turns])
        for turn, account in zip(self.turns, locked, strict=True):
            if account is None:
                turn.goes_alone = True
            else:
                self._judge(turn, account)

    def _judge(self, turn: HoldTurn, account: LockedFan) -> None:
        """Refuse a closed account (Note [Closed accounts])."""
        turn.account = account
        if not account.is_active:
            turn.refuse(AccountClosed())

    def _count(self, turns: Sequence[HoldTurn]) -> None:
        found = queries.seats_of_fans(wishes=[turn.attempt.wish for turn in turns], now=self.now)
        for turn, fan in zip(turns, found, strict=True):
            turn.fan = fan

    def _lock_seats(self) -> None:
        turns = self._open()
        rows = locking.lock_seats(
            performance_ids={turn.attempt.performance_id for turn in turns},
            seat_ids=sorted({seat_id for turn in turns for seat_id in turn.attempt.seat_ids}),
            skip_locked=not self.waits,
        )
        locked = {row.seat_id: row for row in rows}
        for turn in turns:
            self._find_rows(turn, locked)

    def _find_rows(self, turn: HoldTurn, locked: Mapping[UUID, LockedSeat]) -> None:
        sale, seat_ids = turn.attempt.performance_id, turn.attempt.seat_ids
        found = [locked.get(seat_id) for seat_id in seat_ids]
        turn.rows = [row for row in found if row and row.performance_id == sale]
        if len(turn.rows) == len(seat_ids):
            return
        if self.waits:
            here = {row.seat_id for row in turn.rows}
            turn.refuse(SeatNotFound(seat_ids=[seat for seat in seat_ids if seat not in here]))
        else:
            turn.goes_alone = True  # a seat is locked by somebody, or none of this performance

    def _expire_lapsed(self) -> list[NewEvent]:
        turns = self._open()
        lapsed = {key: turn for turn in reversed(turns) for key in turn.lapsed()}
        if not lapsed:
            return []
        expired = operations.expire_lapsed(
            reservation_ids=sorted(lapsed), now=self.now, skip_locked=not self.waits
        )
        ended = {event.aggregate_id for event in expired}
        if self.waits:
            again = [turn for turn in turns if not ended.issuperset(turn.fan.lapsed)]
            if again:  # one was paid, extended or ended while this waited for it
                self._count(again)
        else:
            for turn in turns:
                turn.goes_alone = not ended.issuperset(turn.lapsed())
        return [
            replace(event, correlation=lapsed[event.aggregate_id].attempt.correlation)
            for event in expired
        ]

    def _check_rules(self) -> None:
        """Refuse whom the rules in force refuse (Note [Facts under lock])."""
        turns = self._open()
        found = queries.rules_in_force(
            performance_ids={turn.attempt.performance_id for turn in turns}
        )
        for turn in turns:
            try:
                turn.rules = check_open(found.get(turn.attempt.performance_id), now=self.now)
            except DomainError as error:
                turn.refuse(error)
            else:
                turn.refuse_above(turn.rules.max_seats_per_fan)

    def _take_seats(self, expired: Sequence[NewEvent]) -> None:
        given: set[UUID] = set()
        losers: list[tuple[HoldTurn, list[LockedSeat]]] = []
        winners: list[HoldTurn] = []
        for turn in self._open():
            taken = self._taken(turn, given)
            if taken:
                losers.append((turn, taken))
            else:
                winners.append(turn)
                given.update(turn.attempt.seat_ids)
        self._refuse_as_taken(losers)
        self._write(self._open(), expired)

    def _taken(self, turn: HoldTurn, given: Collection[UUID]) -> list[LockedSeat]:
        """Return the rows that are not free, or that an earlier turn of the batch gets."""
        return [row for row in turn.rows if row.seat_id in given or not row.is_free(self.now)]

    def _write(self, winners: Sequence[HoldTurn], expired: Sequence[NewEvent]) -> None:
        holds = [turn.new_hold() for turn in winners]
        if operations.take_seats(holds=holds, now=self.now) < sum(len(new.seats) for new in holds):
            self._distrust(winners)
        operations.write_holds(holds=holds)
        held = [
            events.of_row(
                events.HELD, new.reservation, new.seats, correlation=turn.attempt.correlation
            )
            for turn, new in zip(winners, holds, strict=True)
        ]
        record(events=[*expired, *held], now=self.now)
        for turn, new in zip(winners, holds, strict=True):
            turn.hold, turn.outcome = new, "held"

    def _distrust(self, winners: Sequence[HoldTurn]) -> None:
        """Undo it all: rows that were free under their locks were not when they were taken."""
        for turn in winners:
            if self.waits:
                self._refuse_as_taken([(turn, [])])
            else:
                turn.goes_alone = True
        raise NobodyHolds

    def _refuse_as_taken(self, losers: Sequence[tuple[HoldTurn, Sequence[LockedSeat]]]) -> None:
        """Say which seats are taken, with the claims they should have had."""
        owners = {
            row.reservation_id
            for _, taken in losers
            for row in taken
            if row.reservation_id and not row.is_free(self.now)
        }
        users = queries.owners_of(reservation_ids=sorted(owners)) if owners else {}
        for turn, taken in losers:
            corrections = turn.free_stale_claims(turn.rows)
            yours = set()
            for row in taken:
                owner = row.reservation_id
                if row.is_free(self.now):
                    continue  # it goes to a turn of this batch, which will say so
                user_id = users.get(owner) if owner else None
                overruled = (turn.stale or {}).get(row.seat_id, "")
                corrections.append(
                    Claim(row.seat_id, owner or BLOCKED, user_id, row.held_until, overruled)
                )
                if owner and row.held_until and user_id == turn.attempt.user_id:
                    yours.add(owner)
            error = SeatTaken(seat_ids=[row.seat_id for row in taken], yours=sorted(yours))
            turn.refuse(error, outcome="refused_by_database", corrections=corrections)
