"""The gate in front of the seat rows: claims in the lock Redis.

Note [Seat claims]
A claim only keeps losers away from PostgreSQL; it never decides. Whoever meets a live claim is
refused at once, without SQL. Before the transaction a claim stands for `CLAIM_MS`; after commit it
stands until the hold's deadline, so a killed client blocks nobody for longer. A claim may still
be wrong (its release was lost, the server failed over): once its last look at PostgreSQL is
`CLAIM_DOUBT_MS` old, one caller is sent on to PostgreSQL, which decides, and the claim is
corrected by what PostgreSQL said. With the server away the gate is open and PostgreSQL decides
alone. Every path that frees or sells seats writes its claims after commit, in one call; a failure
there is counted and left to the rules above.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from uuid import UUID

from prometheus_client import Counter

from kernel.clock import to_ms
from kernel.redis.breaker import PartUnavailable
from kernel.redis.functions import FunctionLibrary
from reservations import policy

log = logging.getLogger(__name__)

gate_skipped = Counter(
    "frontrow_seat_gate_skipped_total", "Seat claims decided by PostgreSQL alone: lock server away"
)
writes_failed = Counter(
    "frontrow_seat_claim_writes_failed_total", "Claims that could not be written after a commit"
)

BLOCKED = "blocked"  # the owner of seats that staff took off the sale


class Verdict(Enum):
    """What the gate says."""

    CLAIMED = 0
    REFUSED = 1
    DOUBTFUL = 2  # refused by an old claim: PostgreSQL decides
    SKIPPED = 3  # the lock server is away: PostgreSQL decides


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate's answer; `owners` maps each refused seat to the owner of its claim."""

    verdict: Verdict
    yours: tuple[UUID, ...] = ()
    owners: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a seat's claim shall be; `owner` None frees it, `until` None means sold or blocked."""

    seat_id: UUID
    owner: UUID | str | None
    user_id: UUID | None = None
    until: datetime | None = None
    displaced: str = ""  # the orphan's owner, where PostgreSQL overruled it


class SeatClaims:
    """The claims of all performances; the keys of one share a hash tag, so a slot."""

    def __init__(self) -> None:
        self.library = FunctionLibrary("lock", Path(__file__).parent / "lua" / "lock.lua")

    def claim(
        self,
        *,
        performance_id: UUID,
        seat_ids: Sequence[UUID],
        reservation_id: UUID,
        user_id: UUID,
        now: datetime,
    ) -> Answer:
        """Claim all seats or none, for the time of a transaction; never raises for Redis."""
        now_ms = to_ms(now)
        try:
            verdict, taken, yours, owners = self.library.call(
                "fr_claim_seats",
                keys=_keys(performance_id, seat_ids),
                args=[
                    str(reservation_id),
                    str(user_id),
                    now_ms,
                    now_ms + policy.CLAIM_MS,
                    policy.CLAIM_DOUBT_MS,
                ],
            )
        except PartUnavailable:
            gate_skipped.inc()
            return Answer(Verdict.SKIPPED)
        names = [_text(owner) for owner in owners]
        return Answer(
            Verdict(int(verdict)),
            yours=tuple(sorted({UUID(_text(own)) for own in yours})),
            owners={seat_ids[index - 1]: name for index, name in zip(taken, names, strict=True)},
        )

    def write(
        self, *, performance_id: UUID, claims: Sequence[Claim], me: UUID | str, now: datetime
    ) -> None:
        """Write what PostgreSQL decided, in one call; a failure is counted, never raised."""
        if not claims:
            return
        now_ms = to_ms(now)
        args: list[str | int] = [str(me), now_ms]
        for claim in claims:
            until = to_ms(claim.until) if claim.until else now_ms + policy.SOLD_CLAIM_MS
            args += [
                str(claim.owner or ""),
                str(claim.user_id or ""),
                "H" if claim.until else "S",
                until,
                claim.displaced,
            ]
        keys = _keys(performance_id, [claim.seat_id for claim in claims])
        try:
            self.library.call("fr_write_seats", keys=keys, args=args)
        except PartUnavailable:
            writes_failed.inc(len(claims))
            log.warning("seat claims not written", extra={"performance": str(performance_id)})


claims = SeatClaims()


def seats_changed(
    *,
    performance_id: UUID,
    reservation_id: UUID,
    seat_ids: Sequence[UUID],
    now: datetime,
    freed: bool = False,
    held_until: datetime | None = None,
    user_id: UUID | None = None,
) -> None:
    """Tell the gate, after commit, that a reservation's seats were sold.

    With `freed` they were given up, with `held_until` (and `user_id`) they are held until then.
    One call to the lock server; a failure is counted, never raised.
    """
    owner = None if freed else reservation_id
    claims.write(
        performance_id=performance_id,
        claims=[Claim(seat_id, owner, user_id, held_until) for seat_id in seat_ids],
        me=reservation_id,
        now=now,
    )


def _keys(performance_id: UUID, seat_ids: Sequence[UUID]) -> list[str]:
    return [f"fr:l:{{{performance_id}}}:{seat_id}" for seat_id in seat_ids]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
