"""One try to hold given seats: the gate, one transaction, the gate again (Note [Seat claims])."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from kernel.money import total
from kernel.rate_limiting.in_redis import Meter, note
from queueing.admission import Admission, QueueNotAdmitted
from queueing.replies import PLACE_STATES
from reservations import events, locking, metrics, operations, queries, store
from reservations.events import PricedSeat
from reservations.models import Reservation
from reservations.queries import FanSeats, ReservationDetail, ReservedSeat, SaleRules, SaleTerms
from reservations.seating.book import book
from reservations.store import NO_LAPSES, Claim, Counted, Lapses, Verdict
from reservations.usecases.holds.entering import check_open
from reservations.usecases.holds.errors import (
    HoldBackoff,
    SeatLimitExceeded,
    SeatNotFound,
    SeatTaken,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hold seats: the gate, the transaction, the gate again."""

    user_id: UUID
    performance_id: UUID
    reservation_id: UUID
    seat_ids: tuple[UUID, ...]  # sorted
    terms: SaleTerms
    now: datetime
    admission: Admission | None = None  # where the performance has a waiting room

    def carry_out(self, counted: Counted, meter: Meter | None) -> ReservationDetail:
        """Hold the seats; what is learned about them goes into this process's picture too."""
        try:
            held = self._past_the_gate(self._claim(counted, meter))
        except SeatTaken as refusal:
            self._note(set(self.seat_ids) - set(refusal.extras["seat_ids"]), free=True)
            self._note(refusal.extras["seat_ids"], free=False)
            raise
        except Exception:
            self._note(self.seat_ids, free=True)
            raise
        self._note(self.seat_ids, free=False)
        return held

    def _claim(self, counted: Counted, meter: Meter | None) -> Mapping[UUID, str]:
        """Return the owners of old claims that PostgreSQL shall judge."""
        gate = store.claims.claim(
            performance_id=self.performance_id,
            seat_ids=self.seat_ids,
            reservation_id=self.reservation_id,
            user_id=self.user_id,
            now=self.now,
            counted=counted,
            joined_ms=self.admission.joined_ms if self.admission else None,
        )
        note(meter, gate.told)
        if gate.verdict is Verdict.PLACE_ENDED:
            metrics.count_hold("place_ended")
            raise QueueNotAdmitted(state=PLACE_STATES[gate.ended].value)
        if gate.verdict is Verdict.BACKED_OFF:
            metrics.count_hold("backed_off")
            raise HoldBackoff(retry_after=gate.wait)
        if gate.verdict is Verdict.REFUSED:
            metrics.count_hold("refused_by_gate")
            raise SeatTaken(seat_ids=sorted(gate.owners), yours=list(gate.yours))
        return gate.owners

    def _past_the_gate(self, displaced: Mapping[UUID, str]) -> ReservationDetail:
        """Run the transaction, then tell the gate what PostgreSQL decided."""
        seen: dict[UUID, Claim] = {}
        try:
            with transaction():
                reservation, seats, lapsed = self._hold(seen, displaced)
        except Exception:
            # What is ours is freed, and what PostgreSQL said about the others is passed on.
            known = [seen.get(seat_id, Claim(seat_id, None)) for seat_id in self.seat_ids]
            self._tell_gate(known)
            raise
        self._tell_gate(
            [
                Claim(
                    seat_id,
                    self.reservation_id,
                    self.user_id,
                    reservation.expires_at,
                    displaced.get(seat_id, ""),
                )
                for seat_id in self.seat_ids
            ],
            Lapses(lapsed, self.terms.lapses_before_backoff, self.terms.backoff_seconds),
        )
        metrics.count_hold("held")
        metrics.expired.labels("take_over").inc(len(lapsed))
        return self._detail(reservation, seats)

    def _hold(
        self, seen: dict[UUID, Claim], displaced: Mapping[UUID, str]
    ) -> tuple[Reservation, tuple[PricedSeat, ...], list[str]]:
        locking.lock_fan(user_id=self.user_id, performance_id=self.performance_id)
        fan = self._fan()
        if fan.held + len(self.seat_ids) > self.terms.max_seats_per_fan:
            if displaced:  # of this second's callers only this one was sent on to look
                looked_at = locking.lock_rows(seat_ids=self.seat_ids, skip_locked=True)
                self._find_orphans(looked_at, seen, displaced)
            self._over_limit(self.terms.max_seats_per_fan, fan.held)
        rows = locking.lock_seats(performance_id=self.performance_id, seat_ids=self.seat_ids)
        self._find_orphans(rows, seen, displaced)
        missing = sorted(set(self.seat_ids) - {row.seat_id for row in rows})
        if missing:
            raise SeatNotFound(seat_ids=missing)
        fan, news = self._expire(fan, rows)
        lapsed = [str(event.data["user_id"]) for event in news]
        rules = self._rules(fan.held)
        reservation = self._reservation(rows, rules, fan.capped_at)
        taken = operations.take_seats(
            seat_ids=self.seat_ids,
            reservation_id=self.reservation_id,
            until=reservation.expires_at,
            now=self.now,
        )
        if taken < len(self.seat_ids):
            self._refuse(rows, seen, displaced)
        seats = operations.priced(sorted(rows, key=lambda row: row.index))
        operations.write_hold(reservation=reservation, seats=seats)
        news.append(events.of_row(events.HELD, reservation, seats))
        record(events=news, now=self.now)
        return reservation, seats, lapsed

    def _fan(self) -> FanSeats:
        return queries.seats_of_fan(
            user_id=self.user_id,
            performance_id=self.performance_id,
            seat_ids=self.seat_ids,
            now=self.now,
        )

    def _expire(
        self, fan: FanSeats, rows: Sequence[locking.LockedRow]
    ) -> tuple[FanSeats, list[NewEvent]]:
        """Expire what this hold takes over, and the fan's own holds that it counts as nothing.

        See Note [Lapsed is written down]. Returns what the fan has after that, and the events.
        """
        others = {
            row.reservation_id for row in rows if row.reservation_id and row.is_free(self.now)
        }
        ended = others.union(fan.lapsed)
        if not ended:
            return fan, []
        news = operations.expire_lapsed(reservation_ids=sorted(ended), now=self.now)
        if not {event.aggregate_id for event in news}.issuperset(fan.lapsed):
            fan = self._fan()  # one was paid, made longer or ended while this waited for it
        return fan, news

    def _rules(self, held: int) -> SaleRules:
        """Return the rules in force behind the last wait (Note [Facts under lock]), or refuse."""
        rules = check_open(queries.rules_in_force(performance_id=self.performance_id), now=self.now)
        if held + len(self.seat_ids) > rules.max_seats_per_fan:
            self._over_limit(rules.max_seats_per_fan, held)
        return rules

    def _over_limit(self, limit: int, held: int) -> NoReturn:
        metrics.count_hold("over_limit")
        raise SeatLimitExceeded(limit=limit, held=held)

    def _find_orphans(
        self,
        rows: Sequence[locking.LockedRow],
        seen: dict[UUID, Claim],
        displaced: Mapping[UUID, str],
    ) -> None:
        """Have the claims on free seats freed, whatever else may be in the way of this hold."""
        for row in rows:
            orphan = displaced.get(row.seat_id)
            if orphan and row.is_free(self.now):
                seen[row.seat_id] = Claim(row.seat_id, None, displaced=orphan)

    def _refuse(
        self,
        rows: Sequence[locking.LockedSeat],
        seen: dict[UUID, Claim],
        displaced: Mapping[UUID, str],
    ) -> NoReturn:
        """Say which seats are taken, and let the gate know about them."""
        taken = [row for row in rows if not row.is_free(self.now)]
        owners = queries.owners_of(
            reservation_ids=[row.reservation_id for row in taken if row.reservation_id]
        )
        for row in taken:
            owner = row.reservation_id or store.BLOCKED
            user_id = owners.get(owner) if isinstance(owner, UUID) else None
            orphan = displaced.get(row.seat_id, "")
            seen[row.seat_id] = Claim(row.seat_id, owner, user_id, row.held_until, orphan)
        metrics.count_hold("refused_by_database")
        yours = {
            row.reservation_id
            for row in taken
            if row.held_until
            and row.reservation_id
            and owners.get(row.reservation_id) == self.user_id
        }
        raise SeatTaken(seat_ids=[row.seat_id for row in taken], yours=sorted(yours))

    def _reservation(
        self,
        rows: Sequence[locking.LockedSeat],
        rules: SaleRules,
        capped_at: datetime | None,
    ) -> Reservation:
        amount = total([row.money for row in rows], currency=rows[0].currency)
        cap = self.now + timedelta(seconds=rules.hold_cap_seconds)
        if capped_at is not None:
            cap = min(cap, capped_at)
        return Reservation(
            id=self.reservation_id,
            performance_id=self.performance_id,
            user_id=self.user_id,
            amount=amount.amount,
            currency=amount.currency,
            created_at=self.now,
            expires_at=min(self.now + timedelta(seconds=rules.hold_seconds), cap),
            extendable_until=cap,
        )

    def _note(self, seat_ids: Iterable[UUID], *, free: bool) -> None:
        book.note(performance_id=self.performance_id, seat_ids=seat_ids, free=free)

    def _tell_gate(self, claims: Sequence[Claim], lapses: Lapses = NO_LAPSES) -> None:
        store.claims.write(
            performance_id=self.performance_id,
            claims=claims,
            me=self.reservation_id,
            now=self.now,
            lapses=lapses,
        )

    def _detail(self, reservation: Reservation, seats: Sequence[PricedSeat]) -> ReservationDetail:
        """Return the hold from what is known: no statement after the commit."""
        return ReservationDetail(
            id=reservation.pk,
            status=Reservation.Status.PENDING.value,
            performance=self.terms.performance,
            user_id=self.user_id,
            seats=tuple(
                ReservedSeat(
                    seat.seat_id,
                    seat.section,
                    seat.row,
                    seat.number,
                    seat.price,
                    queries.seat_status(Reservation.Status.PENDING),
                )
                for seat in seats
            ),
            amount=reservation.money,
            expires_at=reservation.expires_at,
            extendable_until=reservation.extendable_until,
            payment=None,
        )
