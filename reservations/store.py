"""The gate in front of the seat rows: claims in the lock Redis.

Note [Seat claims]
A claim only keeps losers away from PostgreSQL; it never decides. Whoever meets a live claim is
refused at once, without SQL. Before the transaction a claim stands for `CLAIM_MS`; after commit it
stands until the hold's deadline, so a killed client blocks nobody for longer. A claim may still
be wrong (its release was lost, the server failed over): once its last look at PostgreSQL is
`CLAIM_DOUBT_MS` old, one caller is sent on to PostgreSQL, which decides, and the claim is
corrected by what PostgreSQL said of the seat, also where that caller may not hold it for another
reason; only where PostgreSQL gives no answer does the claim stand until the next second's caller
asks. With the server away the gate is open and PostgreSQL decides alone. Every path that frees or
sells seats writes its claims after commit, in one call; a failure there is counted and left to the
rules above.

Note [Back-off]
Whoever takes over or sweeps a lapsed hold notes it in the same write, by the fan who let it lapse.
From `SalePolicy.lapses_before_backoff` lapses within the window on, the fan's next attempts are
refused for a while, twice as long each time. Best effort: what a lost server forgets is forgiven.

Note [Cold gate]
A server that lost its data, or another one in its place, knows no claims: nobody is refused
wrongly, but every loser reaches PostgreSQL until the claims are written again. A mark per
performance holds the run id of the server that knows them; the sweep's tick finds it missing and
writes the claims from PostgreSQL (`usecases.claims.rebuild`). What a claim says then is as old as
the read it comes from, so the rule of the doubtful claim covers what changed meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from prometheus_client import Counter

from kernel.clock import to_ms
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.in_redis import Limit
from kernel.redis.breaker import PartUnavailable
from kernel.redis.functions import FunctionLibrary
from queueing import ended_places
from reservations import policy

log = logging.getLogger(__name__)

gate_skipped = Counter(
    "frontrow_seat_gate_skipped_total", "Seat claims decided by PostgreSQL alone: lock server away"
)
writes_failed = Counter(
    "frontrow_seat_claim_writes_failed_total", "Claims that could not be written after a commit"
)

SOURCES = (in_redis.SOURCE, ended_places.SOURCE, Path(__file__).parent / "lua" / "lock.lua")
BLOCKED = "blocked"  # the owner of seats that staff took off the sale


class Verdict(Enum):
    """What the gate says."""

    CLAIMED = 0
    REFUSED = 1
    DOUBTFUL = 2  # refused by an old claim: PostgreSQL decides
    LIMITED = 3  # too many attempts
    BACKED_OFF = 4  # too many lapsed holds
    SKIPPED = 5  # the lock server is away: PostgreSQL decides
    PLACE_ENDED = 6  # the waiting room's place was left or paid with


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate's answer; `owners` maps each refused seat to the owner of its claim.

    `told` is what `kernel.rate_limiting.in_redis.note` takes; `wait` goes with BACKED_OFF, in
    seconds; `ended`, a letter, with PLACE_ENDED.
    """

    verdict: Verdict
    yours: tuple[UUID, ...] = ()
    owners: Mapping[UUID, str] = field(default_factory=dict)
    told: Sequence[Any] = ()
    wait: int = 0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What an attempt counts against: its fan and, where it is known, its address."""

    fan: Limit
    address: Limit
    address_tag: str = ""


@dataclass(frozen=True, slots=True)
class Lapses:
    """The fans whose holds have lapsed, one entry a hold, and how long such fans wait."""

    users: Sequence[UUID | str] = ()
    threshold: int = 0
    first_seconds: int = 0


NOT_COUNTED = Counted(Limit("hold", 0, 60_000), Limit("hold_address", 0, 60_000))
NO_LAPSES = Lapses()


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
        self.library = FunctionLibrary("lock", *SOURCES)

    def claim(
        self,
        *,
        performance_id: UUID,
        seat_ids: Sequence[UUID],
        reservation_id: UUID,
        user_id: UUID,
        now: datetime,
        counted: Counted = NOT_COUNTED,
        joined_ms: int | None = None,
    ) -> Answer:
        """Claim all seats or none, for the time of a transaction; never raises for Redis.

        `joined_ms`: when the waiting room's place began that lets the fan in, if it is still to be
        looked up whether it was ended (Note [Ended places] in queueing/ended_places.py).
        """
        now_ms = to_ms(now)
        keys = [
            *_keys(performance_id, seat_ids),
            _key(performance_id, f"n:hold:{user_id}"),
            _key(performance_id, f"n:hold_address:{counted.address_tag}"),
            _lapses_key(performance_id, user_id),
            ended_places.key(performance_id, user_id),
        ]
        try:
            verdict, taken, yours, owners, told, wait = self.library.call(
                "fr_claim_seats",
                keys=keys,
                args=[
                    str(reservation_id),
                    str(user_id),
                    now_ms,
                    now_ms + policy.CLAIM_MS,
                    policy.CLAIM_DOUBT_MS,
                    len(seat_ids),
                    *counted.fan.args,
                    *counted.address.args,
                    settings.QUEUE_CLOCK_SKEW_MS,
                    "" if joined_ms is None else joined_ms,
                ],
            )
        except PartUnavailable:
            gate_skipped.inc()
            return Answer(Verdict.SKIPPED)
        names = [_text(owner) for owner in owners]
        if int(verdict) == Verdict.PLACE_ENDED.value:
            return Answer(Verdict.PLACE_ENDED, told=told, ended=names[0])
        return Answer(
            Verdict(int(verdict)),
            yours=tuple(sorted({UUID(_text(own)) for own in yours})),
            owners={seat_ids[index - 1]: name for index, name in zip(taken, names, strict=True)},
            told=told,
            wait=int(wait),
        )

    def is_warm(self, *, performance_id: UUID) -> bool:
        """Say whether the server knows the claims; raises `PartUnavailable`."""
        return self._warmth(performance_id, leave=False)

    def mark_warm(self, *, performance_id: UUID) -> None:
        """Say that the server knows the claims from now on; raises `PartUnavailable`."""
        self._warmth(performance_id, leave=True)

    def _warmth(self, performance_id: UUID, *, leave: bool) -> bool:
        answer = self.library.call(
            "fr_gate_warmth", keys=[_key(performance_id, "warm")], args=[int(leave)]
        )
        return int(answer) == 1

    def write(
        self,
        *,
        performance_id: UUID,
        claims: Sequence[Claim],
        me: UUID | str,
        now: datetime,
        lapses: Lapses = NO_LAPSES,
    ) -> bool:
        """Write what PostgreSQL decided, in one call; a failure is counted, never raised.

        Says whether it was written.
        """
        if not claims and not lapses.users:
            return True
        now_ms = to_ms(now)
        args: list[str | int] = [
            str(me),
            now_ms,
            len(claims),
            lapses.threshold,
            lapses.first_seconds * 1000,
            policy.BACKOFF_MOST_SECONDS * 1000,
            policy.BACKOFF_WINDOW_SECONDS * 1000,
        ]
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
        keys += [_lapses_key(performance_id, user) for user in lapses.users]
        try:
            self.library.call("fr_write_seats", keys=keys, args=args)
        except PartUnavailable:
            writes_failed.inc(len(claims))
            log.warning("seat claims not written", extra={"performance": str(performance_id)})
            return False
        return True


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
    return [_key(performance_id, str(seat_id)) for seat_id in seat_ids]


def _lapses_key(performance_id: UUID, user_id: UUID | str) -> str:
    return _key(performance_id, f"lapses:{user_id}")


def _key(performance_id: UUID, name: str) -> str:
    return f"fr:l:{{{performance_id}}}:{name}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
