"""What fans want to hold, and the turn that each of them has in a batch."""

from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from kernel.money import total
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.telemetry import context
from kernel.telemetry.context import Correlation
from reservations import operations
from reservations.claims import NO_LIMITS, Claim, ClaimRequest, ClaimResult, HoldLimits, SeatChange
from reservations.locking import LockedFan, LockedRow, LockedSeat
from reservations.models import Reservation
from reservations.operations import NewHold
from reservations.queries import FanSeats, FanWish, SaleRules, SaleTerms
from reservations.seating.chooser import Wish
from reservations.usecases.holds.errors import SeatLimitExceeded

StaleClaims = Mapping[UUID, str]  # the owners of stale claims, by seat: PostgreSQL shall judge

_NOTHING = FanSeats(0, (), None)
_ACCOUNT = LockedFan()  # until the fan is locked


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What one fan wants to hold, all of it or none, under the id `reservation_id`.

    Seats by their ids, or the best ones by a `wish`. `keyed`: the id belongs to an Idempotency-Key;
    `resumed`: under it something may have been held before. Attempts count against the limits of
    the fan and the `client_ip`; `limit_status` receives how far they are. `context` is that of the
    fan's request: its id goes with the events, and the outcome on its access line.
    """

    user_id: UUID
    performance_id: UUID
    seat_ids: Sequence[UUID]
    reservation_id: UUID
    queue_token: str | None = None
    client_ip: str = ""
    limit_status: RateLimitStatus | None = None
    context: Context = field(default_factory=copy_context, compare=False)
    wish: Wish | None = None
    keyed: bool = False
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to hold seats, whose preconditions are met (Note [Seat claims])."""

    user_id: UUID
    performance_id: UUID
    reservation_id: UUID
    seat_ids: tuple[UUID, ...]  # sorted
    terms: SaleTerms
    joined_ms: int | None  # where the claim has to look up whether the fan's place has ended
    hold_limits: HoldLimits
    limit_status: RateLimitStatus | None
    context: Context

    @property
    def fan(self) -> tuple[UUID, UUID]:
        """The fan at the performance, whom one transaction at a time serves."""
        return (self.user_id, self.performance_id)

    @property
    def wish(self) -> FanWish:
        """The same with the seats, as the count of the fan's seats takes it."""
        return FanWish(self.user_id, self.performance_id, self.seat_ids)

    @property
    def correlation(self) -> Correlation:
        """The correlation of the fan's request."""
        return self.context.run(context.current)

    @property
    def claim_request(self) -> ClaimRequest:
        """What the claims take."""
        return ClaimRequest(
            self.seat_ids, self.reservation_id, self.user_id, self.hold_limits, self.joined_ms
        )

    def uncounted(self) -> "Attempt":
        """Return the attempt as it is made again: it has been counted."""
        return replace(self, hold_limits=NO_LIMITS, limit_status=None)


@dataclass(slots=True)
class HoldTurn:
    """One attempt in a batch, and what has become of it so far.

    It is open until one of `hold`, `error`, `blocked_by` and `goes_alone` is set. `stale` is None
    until its seats are claimed; `blocked_by`: claims of other turns of the batch were in the way.
    """

    attempt: Attempt
    now: datetime
    stale: StaleClaims | None = None
    blocked_by: ClaimResult | None = None
    account: LockedFan = _ACCOUNT
    fan: FanSeats = _NOTHING
    rows: Sequence[LockedSeat] = ()
    rules: SaleRules | None = None  # in force, once it keeps to them
    hold: NewHold | None = None
    error: Exception | None = None
    outcome: str = ""  # what it is counted as, if anything
    corrections: Sequence[Claim] = ()
    goes_alone: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it has still to be decided."""
        return (
            self.hold is None
            and self.error is None
            and self.blocked_by is None
            and not self.goes_alone
        )

    def refuse(
        self, error: Exception, *, outcome: str = "", corrections: Sequence[Claim] | None = None
    ) -> None:
        """Refuse it; without `corrections`, stale claims on the seats that it found free go."""
        self.hold, self.error, self.outcome = None, error, outcome
        self.corrections = self.free_stale_claims(self.rows) if corrections is None else corrections

    def refuse_above(self, limit: int) -> None:
        """Refuse it if the fan would have more than `limit` seats."""
        if self.fan.held + len(self.attempt.seat_ids) > limit:
            error = SeatLimitExceeded(limit=limit, held=self.fan.held)
            self.refuse(error, outcome="over_limit")

    def lapsed(self) -> set[UUID]:
        """Return the lapsed holds that it takes over or counts as nothing."""
        taken_over = {
            row.reservation_id for row in self.rows if row.reservation_id and row.is_free(self.now)
        }
        return taken_over.union(self.fan.lapsed)

    def free_stale_claims(self, rows: Sequence[LockedRow]) -> list[Claim]:
        """Return the corrections of stale claims on free seats, whatever else stops this hold."""
        stale = self.stale or {}
        return [
            Claim(row.seat_id, None, overruled_owner=stale[row.seat_id])
            for row in rows
            if row.seat_id in stale and row.is_free(self.now)
        ]

    def new_hold(self) -> NewHold:
        """Return the reservation that it makes, by the rules in force."""
        attempt, rows, rules, now = self.attempt, self.rows, self.rules, self.now
        assert rules is not None
        amount = total([row.money for row in rows], currency=rows[0].currency)
        seconds = rules.cap_seconds(extra_time=self.account.extra_time)
        cap = now + timedelta(seconds=seconds)
        if self.fan.capped_at is not None:  # Note [First hold]
            cap = min(cap, self.fan.capped_at)
        reservation = Reservation(
            id=attempt.reservation_id,
            performance_id=attempt.performance_id,
            user_id=attempt.user_id,
            amount=amount.amount,
            currency=amount.currency,
            created_at=now,
            expires_at=min(now + timedelta(seconds=rules.hold_seconds), cap),
            extendable_until=cap,
        )
        return NewHold(reservation, operations.priced(sorted(rows, key=lambda row: row.index)))

    def change(self) -> SeatChange:
        """Return what its end means for the claims: they last, or are given back and corrected."""
        attempt, stale = self.attempt, self.stale or {}
        owner = attempt.reservation_id
        if self.hold is None:
            judged = {claim.seat_id: claim for claim in self.corrections}
            back = [judged.get(seat_id, Claim(seat_id, None)) for seat_id in attempt.seat_ids]
            return SeatChange(owner, back)
        until = self.hold.reservation.expires_at
        return SeatChange(
            owner,
            [
                Claim(seat_id, owner, attempt.user_id, until, stale.get(seat_id, ""))
                for seat_id in attempt.seat_ids
            ],
        )
