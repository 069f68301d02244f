"""What goes to the claims and what comes back, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from kernel.rate_limiting.in_redis import Limit

BLOCKED = "blocked"  # the owner of seats that staff took off the sale


class Verdict(Enum):
    """How an attempt to claim seats ended; the numbers are those of lua/seat_claims.lua."""

    CLAIMED = 0
    REFUSED = 1
    STALE = 2  # refused by stale claims: PostgreSQL decides
    LIMITED = 3  # too many attempts
    BACKED_OFF = 4  # too many lapsed holds
    SKIPPED = 5  # the lock server is unavailable: PostgreSQL decides
    PLACE_ENDED = 6  # the fan left the waiting room, or has paid with this place

    @property
    def lets_through(self) -> bool:
        """Say whether the attempt goes on to PostgreSQL."""
        return self in {Verdict.CLAIMED, Verdict.STALE, Verdict.SKIPPED}


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The result of an attempt to claim seats.

    `owners` maps each refused seat to the owner of its claim, and `yours` are the caller's own
    reservations among them. `limit` is the nearest limit as `rate_limiting.in_redis` reads it.
    `retry_after`, in seconds, comes with BACKED_OFF; `ended`, the letter of how the place ended,
    with PLACE_ENDED.
    """

    verdict: Verdict
    yours: tuple[UUID, ...] = ()
    owners: Mapping[UUID, str] = field(default_factory=dict)
    limit: Sequence[Any] = ()
    retry_after: int = 0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class HoldLimits:
    """The limits an attempt counts against: the fan's and, if it is known, the client IP's."""

    fan: Limit
    client_ip: Limit
    client_ip_tag: str = ""


@dataclass(frozen=True, slots=True)
class Lapses:
    """The fans whose holds have lapsed, once for each hold, and how long such fans wait."""

    users: Sequence[UUID | str] = ()
    threshold: int = 0
    first_seconds: int = 0


NO_LIMITS = HoldLimits(Limit("hold", 0, 60_000), Limit("hold_address", 0, 60_000))
NO_LAPSES = Lapses()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a seat's claim becomes: no `owner` removes it, no `until` means sold or blocked.

    A live claim of another owner stays, unless PostgreSQL overruled it: then `overruled_owner`
    names that owner.
    """

    seat_id: UUID
    owner: UUID | str | None
    user_id: UUID | None = None
    until: datetime | None = None
    overruled_owner: str = ""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """The seats that a fan wants to claim, all or none, for a reservation.

    `joined_ms`: when the fan's place in the waiting room began, where the claim has to look up
    whether that place has ended (Note [Ended places] in queueing/ended_places.py).
    """

    seat_ids: Sequence[UUID]
    reservation_id: UUID
    user_id: UUID
    hold_limits: HoldLimits = NO_LIMITS
    joined_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SeatChange:
    """What PostgreSQL decided about seats, after its commit, and the lapses that this counts as.

    `writer` owns the claims that it may replace or remove.
    """

    writer: UUID | str
    claims: Sequence[Claim]
    lapses: Lapses = NO_LAPSES


@dataclass(frozen=True, slots=True)
class StoredClaim:
    """A claim as the lock server has it: `kind` is tentative, held, or sold (also for blocked)."""

    owner: str
    user_id: str
    kind: str
    until: datetime
    confirmed_at: datetime  # when PostgreSQL last confirmed it, or the attempt began
