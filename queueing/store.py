"""The waiting rooms on the queue server, behind one class.

Every method is one call of a function of lua/queue.lua, whose keys share the performance's hash
tag. Raises `kernel.redis.breaker.PartUnavailable` when the server is away.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from kernel import clock
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.in_redis import Meter
from kernel.redis.clients import guarded
from kernel.redis.functions import FunctionLibrary
from queueing import policy
from queueing.models import QueueConfig
from queueing.operations import Epoch, Reserved
from queueing.replies import Reply, Status, Totals, TotalsReply, reply_of, text_of
from queueing.tokens import Proof

_FOLDER = Path(__file__).parent / "lua"
SOURCES = (in_redis.SOURCE, *(_FOLDER / name for name in ("room.lua", "fans.lua", "queue.lua")))
_KEYS = ("config", "state", "waiting", "active", "people", "birth")


class Fate(StrEnum):
    """What became of a place that the server has lost (Note [Places lost] in README.md)."""

    UNKNOWN = ""  # nobody has looked
    KEPT = "K"  # no end is known
    LEFT = "L"
    FINISHED = "F"
    EXPIRED = "E"
    NOTHING = "X"  # the token proves nothing here


@dataclass(frozen=True, slots=True)
class JoinTerms:
    """On what terms somebody joins: ahead of the line, what was shown against abuse, from where."""

    invited: bool = False
    work_bits: int = 0
    vouched: bool = False
    address: str = ""


class WaitingRoomStore:
    """One waiting room a performance."""

    def __init__(
        self, library: FunctionLibrary | None = None, *, prefix: str = "frontrow_queue_v1"
    ) -> None:
        self.library = library or FunctionLibrary("queue", *SOURCES)
        self._prefix = prefix

    def load(self) -> None:
        """Put this release's functions on the server."""
        self.library.load()

    def join(
        self,
        *,
        performance_id: UUID,
        user_id: UUID,
        proof: Proof | None,
        now_ms: int,
        fate: Fate = Fate.UNKNOWN,
        terms: JoinTerms = JoinTerms(),
        meter: Meter | None = None,
        counted: bool = False,
    ) -> Reply:
        """Give the user a number, or say the place there is; raises RateLimited.

        The call counts against the limits of user and address unless it was `counted` before.
        `fate`: of the place that `proof` names, where the server answered LOST.
        """
        tag = _tag(performance_id)
        caller, address = str(user_id), in_redis.address_tag(terms.address)
        user_limit, address_limit = in_redis.limit_of("join"), in_redis.limit_of("join_address")
        limit, reply = self.library.call(
            f"{self._prefix}_join",
            keys=(
                *_keys(performance_id),
                f"{tag}n:join:{caller}",
                f"{tag}n:join_address:{address}",
                f"{tag}from:{address}",
            ),
            args=(
                now_ms,
                caller,
                *_shown(proof),
                int(terms.invited),
                terms.work_bits,
                int(terms.vouched),
                *user_limit.args,
                *address_limit.args,
                int(counted),
                *_lost(proof, fate),
            ),
        )
        in_redis.note(meter, limit)
        return reply_of(reply)

    def poll(
        self,
        *,
        performance_id: UUID,
        user_id: UUID,
        proof: Proof | None,
        now_ms: int,
        fate: Fate = Fate.UNKNOWN,
    ) -> Reply:
        """Say the user's place; a fan seen admitted has come, and the session starts.

        `fate`: of the place that `proof` names, where the server answered LOST.
        """
        shown = (*_shown(proof), *_lost(proof, fate))
        return reply_of(self._call("poll", performance_id, now_ms, str(user_id), *shown))

    def leave(self, *, performance_id: UUID, user_id: UUID, now_ms: int) -> Reply:
        """End the user's place, waiting or admitted."""
        return reply_of(self._call("quit", performance_id, now_ms, str(user_id), "L"))

    def finish(self, *, performance_id: UUID, user_id: UUID, now_ms: int) -> Reply:
        """End the user's session; somebody who waits again keeps the new place."""
        return reply_of(self._call("quit", performance_id, now_ms, str(user_id), "F"))

    def tick(self, *, performance_id: UUID, now_ms: int) -> TotalsReply:
        """Bring the room up to now (one bounded batch) and say how it stands."""
        raw = self._call("tick", performance_id, now_ms)
        status = Status(text_of(raw[0]))
        if status is Status.COLD:
            return TotalsReply(status, birth=text_of(raw[1]))
        if status is Status.SUPERSEDED:
            return TotalsReply(status, epoch=int(raw[1]))
        if status is not Status.OK:
            return TotalsReply(status)
        integers = [int(value) for value in raw[1:9]]
        epoch, last, ceiling, serving, waiting, active, admitted, waited_ms = integers
        totals = Totals(
            epoch=epoch,
            next=last,
            ceiling=ceiling,
            serving=serving,
            waiting=waiting,
            active=active,
            admitted=admitted,
            waited_ms=waited_ms,
            phase=text_of(raw[9]),
            rate=float(raw[10]),
            just_admitted=int(raw[11]),
            capacity=int(raw[12]),
            pace=float(raw[13]),
        )
        return TotalsReply(status, totals)

    def configure(self, *, config: QueueConfig, now_ms: int) -> None:
        """Mirror the rules, unless the server has this version or a later one."""
        self._call(
            "configure",
            config.performance_id,
            now_ms,
            policy.ROOM_TTL_SECONDS,
            config.version,
            int(config.queue_required),
            config.state,
            config.abuse_check,
            clock.to_ms(config.queue_opens_at),
            clock.to_ms(config.admits_from),
            str(Decimal(config.rate_per_second)),
            config.capacity,
            config.grace_seconds * 1000,
            config.session_seconds * 1000,
            policy.REMEMBER_SECONDS,
            settings.QUEUE_CLOCK_SKEW_MS,
            config.work_bits,
            config.accounts_per_address,
            _or_empty(config.joins_per_minute),
            _or_empty(config.joins_per_minute_per_address),
        )

    def begin(self, *, performance_id: UUID, birth: str, epoch: Epoch, now_ms: int) -> str:
        """Begin an epoch: BEGUN, KNOWN (somebody else did) or STALE (lost again since)."""
        # The very first epoch has nobody to wait for.
        pause_ms = policy.REBUILD_SECONDS * 1000 if epoch.number > 1 else 0
        return text_of(
            self._call(
                "begin",
                performance_id,
                now_ms,
                birth,
                epoch.number,
                epoch.start,
                epoch.ceiling,
                epoch.serving,
                pause_ms,
                epoch.draw.seed,
                epoch.draw.start,
                epoch.draw.ceiling,
                epoch.called,
            )
        )

    def allow(self, *, performance_id: UUID, epoch: int, reserved: Reserved) -> bool:
        """Allow the numbers that PostgreSQL reserved; false where that epoch is over."""
        draw = reserved.draw
        raised = self._call(
            "raise", performance_id, epoch, reserved.ceiling, draw.seed, draw.start, draw.ceiling
        )
        return bool(raised)

    def supersede(self, *, performance_id: UUID, epoch: int) -> None:
        """Have the server answer nobody any more, if it is still at this epoch."""
        self._call("supersede", performance_id, epoch, 1)

    def ask_for_epoch(self, *, performance_id: UUID, epoch: int) -> None:
        """Have a superseded server ask for an epoch of its own; its places stay."""
        self._call("supersede", performance_id, epoch, 0)

    def conceal(self, *, performance_id: UUID) -> None:
        """Forget the rules of a room that the public may not see; its places stay."""
        guarded("queue", lambda server: server.delete(_keys(performance_id)[0]))

    def _call(self, verb: str, performance_id: UUID, *args: int | str) -> Any:
        return self.library.call(f"{self._prefix}_{verb}", keys=_keys(performance_id), args=args)


def _tag(performance_id: UUID) -> str:
    return f"fr:q:{{{performance_id}}}:"


@lru_cache(maxsize=1024)
def _keys(performance_id: UUID) -> tuple[str, ...]:
    return tuple(_tag(performance_id) + name for name in _KEYS)


def _shown(proof: Proof | None) -> tuple[int, int, int]:
    return (proof.number, proof.epoch, proof.until_ms) if proof else (0, 0, 0)


def _lost(proof: Proof | None, fate: Fate) -> tuple[int, str]:
    return (proof.joined_ms if proof else 0, fate.value)


def _or_empty(number: int | None) -> int | str:
    return "" if number is None else number
