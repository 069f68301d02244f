"""One attempt to hold given seats: the claims, one transaction, the claims again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.money import total
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.in_redis import check_limit
from queueing.admission import Admission, QueueNotAdmitted
from queueing.replies import PLACE_STATES
from reservations import events, locking, metrics, operations, queries, seat_changes
from reservations.claims import (
    BLOCKED,
    NO_LAPSES,
    Claim,
    ClaimResult,
    HoldLimits,
    Lapses,
    Verdict,
    seat_claims,
)
from reservations.events import PricedSeat
from reservations.locking import LockedRow, LockedSeat
from reservations.models import Reservation
from reservations.queries import FanSeats, ReservationDetail, SaleRules, SaleTerms
from reservations.usecases.holds.errors import (
    HoldBackoff,
    SeatLimitExceeded,
    SeatNotFound,
    SeatTaken,
)
from reservations.usecases.holds.preconditions import check_open

StaleClaims = Mapping[UUID, str]  # the owners of stale claims, by seat: PostgreSQL shall judge


class HoldRefused(Exception):
    """Carry a refusal, and what PostgreSQL said of the seats, out of the rolled back transaction.

    `corrections` are the claims as they have to be now.
    """

    def __init__(self, error: DomainError, corrections: Sequence[Claim] = ()) -> None:
        super().__init__(error.code)
        self.error = error
        self.corrections = corrections


@dataclass(frozen=True, slots=True)
class _Held:
    """What the transaction wrote."""

    reservation: Reservation
    seats: tuple[PricedSeat, ...]
    expired: Sequence[NewEvent]  # the lapsed holds it ended


@dataclass(frozen=True, slots=True)
class HoldTransaction:
    """One attempt to hold seats (Note [Seat claims])."""

    user_id: UUID
    performance_id: UUID
    reservation_id: UUID
    seat_ids: tuple[UUID, ...]  # sorted
    terms: SaleTerms
    now: datetime
    admission: Admission | None = None  # where the performance has a waiting room

    def carry_out(
        self, hold_limits: HoldLimits, limit_status: RateLimitStatus | None
    ) -> ReservationDetail:
        """Hold the seats, or raise the refusal with the claims put right."""
        stale = self._claim(hold_limits, limit_status)
        try:
            with transaction():
                held = self._hold(stale)
        except HoldRefused as refusal:
            self._give_back(refusal.corrections)
            raise refusal.error from None
        except Exception:
            self._give_back()
            raise
        self._publish_hold(held, stale)
        return queries.new_hold(
            held.reservation, performance=self.terms.performance, seats=held.seats
        )

    def _claim(self, hold_limits: HoldLimits, limit_status: RateLimitStatus | None) -> StaleClaims:
        result = seat_claims.claim(
            performance_id=self.performance_id,
            seat_ids=self.seat_ids,
            reservation_id=self.reservation_id,
            user_id=self.user_id,
            now=self.now,
            hold_limits=hold_limits,
            joined_ms=self.admission.joined_ms if self.admission else None,
        )
        check_limit(limit_status, result.limit)
        if not result.verdict.lets_through:
            raise self._refused_by_claims(result)
        return result.owners

    def _refused_by_claims(self, result: ClaimResult) -> DomainError:
        if result.verdict is Verdict.PLACE_ENDED:
            metrics.count_hold("place_ended")
            return QueueNotAdmitted(state=PLACE_STATES[result.ended].value)
        if result.verdict is Verdict.BACKED_OFF:
            metrics.count_hold("backed_off")
            return HoldBackoff(retry_after=result.retry_after)
        metrics.count_hold("refused_by_gate")
        seat_changes.learn_from_claims(performance_id=self.performance_id, taken=result.owners)
        return SeatTaken(seat_ids=sorted(result.owners), yours=list(result.yours))

    def _hold(self, stale: StaleClaims) -> _Held:
        # 1. Count: one hold of a fan at a time, so that the number is true until the commit.
        fan = self._count_seats_of_fan(stale)
        # 2. Lock the seats: these rows decide, and what they say corrects stale claims.
        rows = self._lock_seats(stale)
        # 3. Expire what this hold takes over or counts as nothing (Note [Lapsed is written down]).
        fan, expired = self._expire_lapsed(fan, rows)
        # 4. Check the rules in force, behind the last statement that may have waited.
        rules = self._check_rules(fan, rows, stale)
        # 5. Take the seats, all or none, and write the reservation with its events.
        reservation = self._new_reservation(rows, rules, fan.capped_at)
        return _Held(reservation, self._take_seats(reservation, rows, expired, stale), expired)

    def _count_seats_of_fan(self, stale: StaleClaims) -> FanSeats:
        locking.lock_fan(user_id=self.user_id, performance_id=self.performance_id)
        fan = self._seats_of_fan()
        try:
            self._check_limit(self.terms.max_seats_per_fan, fan)
        except SeatLimitExceeded as error:
            if not stale:
                raise
            # Of this second's callers only this one was sent on to look; it waits for nobody.
            rows = locking.lock_rows(seat_ids=self.seat_ids, skip_locked=True)
            raise HoldRefused(error, self._free_stale_claims(rows, stale)) from error
        return fan

    def _lock_seats(self, stale: StaleClaims) -> list[LockedSeat]:
        rows = locking.lock_seats(performance_id=self.performance_id, seat_ids=self.seat_ids)
        missing = sorted(set(self.seat_ids) - {row.seat_id for row in rows})
        if missing:
            error = SeatNotFound(seat_ids=missing)
            raise HoldRefused(error, self._free_stale_claims(rows, stale))
        return rows

    def _expire_lapsed(
        self, fan: FanSeats, rows: Sequence[LockedRow]
    ) -> tuple[FanSeats, list[NewEvent]]:
        """Return what the fan has after that, and the events."""
        taken_over = {
            row.reservation_id for row in rows if row.reservation_id and row.is_free(self.now)
        }
        lapsed = taken_over.union(fan.lapsed)
        if not lapsed:
            return fan, []
        expired = operations.expire_lapsed(reservation_ids=sorted(lapsed), now=self.now)
        if not {event.aggregate_id for event in expired}.issuperset(fan.lapsed):
            fan = self._seats_of_fan()  # one was paid, extended or ended while this waited for it
        return fan, expired

    def _check_rules(
        self, fan: FanSeats, rows: Sequence[LockedRow], stale: StaleClaims
    ) -> SaleRules:
        """Return the rules in force (Note [Facts under lock]), or refuse."""
        try:
            rules = check_open(
                queries.rules_in_force(performance_id=self.performance_id), now=self.now
            )
            self._check_limit(rules.max_seats_per_fan, fan)
        except DomainError as error:
            raise HoldRefused(error, self._free_stale_claims(rows, stale)) from error
        return rules

    def _take_seats(
        self,
        reservation: Reservation,
        rows: Sequence[LockedSeat],
        expired: Sequence[NewEvent],
        stale: StaleClaims,
    ) -> tuple[PricedSeat, ...]:
        taken = operations.take_seats(
            seat_ids=self.seat_ids,
            reservation_id=self.reservation_id,
            until=reservation.expires_at,
            now=self.now,
        )
        if taken < len(self.seat_ids):
            raise self._refused_by_database(rows, stale)
        seats = operations.priced(sorted(rows, key=lambda row: row.index))
        operations.write_hold(reservation=reservation, seats=seats)
        held = events.of_row(events.HELD, reservation, seats)
        record(events=[*expired, held], now=self.now)
        return seats

    def _seats_of_fan(self) -> FanSeats:
        return queries.seats_of_fan(
            user_id=self.user_id,
            performance_id=self.performance_id,
            seat_ids=self.seat_ids,
            now=self.now,
        )

    def _check_limit(self, limit: int, fan: FanSeats) -> None:
        if fan.held + len(self.seat_ids) > limit:
            metrics.count_hold("over_limit")
            raise SeatLimitExceeded(limit=limit, held=fan.held)

    def _free_stale_claims(self, rows: Sequence[LockedRow], stale: StaleClaims) -> list[Claim]:
        """Return the corrections of stale claims on free seats, whatever else stops this hold."""
        return [
            Claim(row.seat_id, None, overruled_owner=stale[row.seat_id])
            for row in rows
            if row.seat_id in stale and row.is_free(self.now)
        ]

    def _refused_by_database(self, rows: Sequence[LockedSeat], stale: StaleClaims) -> HoldRefused:
        """Return which seats are taken, with the claims they should have had."""
        taken = [row for row in rows if not row.is_free(self.now)]
        users = queries.owners_of(
            reservation_ids=[row.reservation_id for row in taken if row.reservation_id]
        )
        corrections = self._free_stale_claims(rows, stale)
        yours = set()
        for row in taken:
            owner = row.reservation_id
            user_id = users.get(owner) if owner else None
            corrections.append(
                Claim(
                    row.seat_id,
                    owner or BLOCKED,
                    user_id,
                    row.held_until,
                    stale.get(row.seat_id, ""),
                )
            )
            if owner and row.held_until and user_id == self.user_id:
                yours.add(owner)
        metrics.count_hold("refused_by_database")
        error = SeatTaken(seat_ids=[row.seat_id for row in taken], yours=sorted(yours))
        return HoldRefused(error, corrections)

    def _new_reservation(
        self, rows: Sequence[LockedSeat], rules: SaleRules, capped_at: datetime | None
    ) -> Reservation:
        amount = total([row.money for row in rows], currency=rows[0].currency)
        cap = self.now + timedelta(seconds=rules.hold_cap_seconds)
        if capped_at is not None:  # Note [First hold]
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

    def _publish_hold(self, held: _Held, stale: StaleClaims) -> None:
        until = held.reservation.expires_at
        self._publish(
            [
                *(
                    Claim(seat_id, self.reservation_id, self.user_id, until, stale.get(seat_id, ""))
                    for seat_id in self.seat_ids
                ),
                *seat_changes.freed_by_expiry(held.expired, but=self.seat_ids),
            ],
            seat_changes.lapses_of(held.expired, self.terms),
        )
        metrics.count_hold("held")
        metrics.expired.labels("take_over").inc(len(held.expired))

    def _give_back(self, corrections: Sequence[Claim] = ()) -> None:
        """Remove the claims of this attempt, and correct those that PostgreSQL judged."""
        judged = {claim.seat_id: claim for claim in corrections}
        self._publish([judged.get(seat_id, Claim(seat_id, None)) for seat_id in self.seat_ids])

    def _publish(self, claims: Sequence[Claim], lapses: Lapses = NO_LAPSES) -> None:
        seat_changes.publish(
            performance_id=self.performance_id,
            claims=claims,
            writer=self.reservation_id,
            now=self.now,
            lapses=lapses,
        )
