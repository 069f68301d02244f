"""The queue server: the waiting rooms on it, behind one class.

Every method is one call of a function in lua/, whose keys share the performance's hash tag. Raises
`kernel.redis.breaker.DependencyUnavailable` while the server is unavailable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from kernel import clock
from kernel.caller import client_ip_tag
from kernel.outcomes import Outcome
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.redis.clients import guarded
from kernel.redis.functions import FunctionLibrary, text_of
from queueing import policy
from queueing.models import QueueConfig
from queueing.operations import Epoch, Reserved
from queueing.replies import Reply, TotalsReply, replies_to, reply_of, totals_reply_of
from queueing.tokens import Proof

_FOLDER = Path(__file__).parent / "lua"
_FILES = (
    "queue_room.lua",
    "queue_members.lua",
    "queue_admission.lua",
    "queue_places.lua",
    "queue_limits.lua",
    "queue_batches.lua",
    "queue_batches_v1.lua",
    "queue_library.lua",
)
SOURCES = (in_redis.SOURCE, *(_FOLDER / name for name in _FILES))
_KEYS = ("config", "state", "waiting", "active", "people", "birth")  # in the order of the functions


class Fate(StrEnum):
    """What became of a place that the server has lost (Note [Places lost] in README.md)."""

    UNKNOWN = ""  # nobody has looked
    KEPT = "K"  # no end is known
    LEFT = "L"
    FINISHED = "F"
    EXPIRED = "E"
    NOTHING = "X"  # the token proves nothing here


class JoinTerms(NamedTuple):
    """On what terms somebody joins: ahead of the line, what was shown against abuse, from where."""

    invited: bool = False
    work_bits: int = 0
    vouched: bool = False
    client_ip: str = ""


NO_TERMS = JoinTerms()


@dataclass(slots=True)
class FanCall:
    """One fan's part in a batch of joins or polls; what it says changes from call to call.

    `fate`: of the place that `proof` names, where the server replied LOST. Of a join only: `terms`,
    whether the server has `counted` it, and `limit_status`, which hears how far its limit is.
    """

    user_id: UUID
    proof: Proof | None
    terms: JoinTerms = NO_TERMS
    fate: Fate = Fate.UNKNOWN
    counted: bool = False
    limit_status: RateLimitStatus | None = None


class ServerCall(NamedTuple):
    """A call of a function: its name, its keys and its arguments."""

    function: str
    keys: Sequence[str]
    args: Sequence[int | str]


class QueueServer:
    """One waiting room a performance."""

    def __init__(
        self, library: FunctionLibrary | None = None, *, prefix: str = "frontrow_queue_v1"
    ) -> None:
        self.library = library or FunctionLibrary("queue", *SOURCES)
        self._prefix = prefix

    def join_many(
        self, *, performance_id: UUID, fans: Sequence[FanCall], now_ms: int
    ) -> list[Reply]:
        """Give each user a place, or return the one there is; replies in the order of the fans.

        One call. Each counts against the limits of its user and client IP unless it was `counted`
        before; a reply's `limit` says how that went. Raises ValueError for more than
        `policy.BATCH_FANS`.
        """
        return self._call_many(fans, self.joins(performance_id, fans, now_ms))

    def poll_many(
        self, *, performance_id: UUID, fans: Sequence[FanCall], now_ms: int
    ) -> list[Reply]:
        """Return each user's place; a fan seen admitted has come, and the session starts.

        One call; replies in the order of the fans. Raises ValueError for more than
        `policy.BATCH_FANS`.
        """
        return self._call_many(fans, self.polls(performance_id, fans, now_ms))

    def joins(self, performance_id: UUID, fans: Sequence[FanCall], now_ms: int) -> ServerCall:
        """Return the call that `join_many` makes."""
        check_size(fans)
        tag = _tag(performance_id)
        keys = [*keys_of(performance_id), f"{tag}calls:0", f"{tag}calls:1"]
        args: list[int | str] = [now_ms, *_limit_args()]
        for fan in fans:
            keys.append(f"{tag}from:{client_ip_tag(fan.terms.client_ip)}")
            token_words = "" if fan.proof is None else _token_words(fan, fan.proof)
            args += (str(fan.user_id), token_words, _terms_words(fan))
        return ServerCall(f"{self._prefix}_join_many", keys, args)

    def polls(self, performance_id: UUID, fans: Sequence[FanCall], now_ms: int) -> ServerCall:
        """Return the call that `poll_many` makes."""
        check_size(fans)
        args: list[int | str] = [now_ms]
        for fan in fans:
            args += (str(fan.user_id), "" if fan.proof is None else _token_words(fan, fan.proof))
        return ServerCall(f"{self._prefix}_poll_many", keys_of(performance_id), args)

    def leave(self, *, performance_id: UUID, user_id: UUID, now_ms: int) -> Reply:
        """End the user's place, waiting or admitted."""
        return reply_of(self._call("quit", performance_id, now_ms, str(user_id), Fate.LEFT.value))

    def finish_many(
        self, *, performance_id: UUID, user_ids: Sequence[UUID], now_ms: int
    ) -> list[Outcome[Reply]]:
        """End the users' sessions in one round trip; who waits again keeps the new place.

        Replies in the order of the users; a call that failed by itself has its error there.
        """
        keys = keys_of(performance_id)
        replies = self.library.call_all(
            f"{self._prefix}_quit",
            calls=[(keys, (now_ms, str(user_id), Fate.FINISHED.value)) for user_id in user_ids],
        )
        return [raw if isinstance(raw, Exception) else reply_of(raw) for raw in replies]

    def tick(self, *, performance_id: UUID, now_ms: int) -> TotalsReply:
        """Bring the room up to now (one bounded batch) and return how it stands."""
        return totals_reply_of(self._call("tick", performance_id, now_ms))

    def public_status(self, *, performance_id: UUID, now_ms: int) -> TotalsReply:
        """Do the same, and return when the room admits from, too."""
        return totals_reply_of(self._call("status", performance_id, now_ms))

    def mirror_config(self, *, config: QueueConfig, now_ms: int) -> None:
        """Mirror the rules, unless the server has this version or a later one."""
        self._call(
            "mirror_config",
            config.performance_id,
            now_ms,
            policy.ROOM_TTL_SECONDS,
            config.version,
            *chain.from_iterable(_mirrored(config).items()),
        )

    def begin_epoch(self, *, performance_id: UUID, gap_id: str, epoch: Epoch, now_ms: int) -> str:
        """Begin an epoch: BEGUN, KNOWN (somebody else did) or STALE (lost again since)."""
        # The very first epoch has nobody to wait for.
        pause_ms = policy.REBUILD_SECONDS * 1000 if epoch.number > 1 else 0
        return text_of(
            self._call(
                "begin",
                performance_id,
                now_ms,
                gap_id,
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

    def allow_numbers(self, *, performance_id: UUID, epoch: int, reserved: Reserved) -> bool:
        """Allow the numbers that PostgreSQL reserved; false where that epoch is over."""
        draw = reserved.draw
        raised = self._call(
            "raise", performance_id, epoch, reserved.ceiling, draw.seed, draw.start, draw.ceiling
        )
        return bool(raised)

    def supersede(self, *, performance_id: UUID, epoch: int) -> None:
        """Have the server serve nobody any more, if it is still at this epoch."""
        self._call("supersede", performance_id, epoch, 1)

    def request_epoch(self, *, performance_id: UUID, epoch: int) -> None:
        """Have a superseded server ask for an epoch of its own; its places stay."""
        self._call("supersede", performance_id, epoch, 0)

    def drop_config(self, *, performance_id: UUID) -> None:
        """Drop the rules of a room that the public may not see; its places stay."""
        guarded("queue", lambda server: server.delete(keys_of(performance_id)[0]))

    def _call_many(self, fans: Sequence[FanCall], call: ServerCall) -> list[Reply]:
        if not fans:
            return []
        return replies_to(
            len(fans), self.library.call(call.function, keys=call.keys, args=call.args)
        )

    def _call(self, function: str, performance_id: UUID, *args: int | str) -> Any:
        return self.library.call(
            f"{self._prefix}_{function}", keys=keys_of(performance_id), args=args
        )


queue_server = QueueServer()


def check_size(batch: Sequence[object]) -> None:
    """Raise ValueError for more fans than one call of the server takes."""
    if len(batch) > policy.BATCH_FANS:
        raise ValueError(f"a batch has at most {policy.BATCH_FANS} fans, not {len(batch)}")


def _mirrored(config: QueueConfig) -> dict[str, int | str]:
    """Return the rules by the names they have on the server: CONFIG_FIELDS of queue_room.lua."""
    return {
        "required": int(config.queue_required),
        "phase": config.state,  # the first release's name
        "check": config.abuse_check,
        "joins_from": clock.to_ms(config.queue_opens_at),
        "admits_from": clock.to_ms(config.admits_from),
        "rate": str(Decimal(config.rate_per_second)),
        "capacity": config.capacity,
        "grace": config.grace_seconds * 1000,
        "session": config.session_seconds * 1000,
        "remember": policy.REMEMBER_SECONDS,
        "skew": settings.QUEUE_CLOCK_SKEW_MS,
        "work_bits": config.work_bits,
        "per_address": config.accounts_per_address,
        "per_user_minute": _or_empty(config.joins_per_minute),
        "per_address_minute": _or_empty(config.joins_per_minute_per_address),
    }


def _tag(performance_id: UUID) -> str:
    return f"fr:q:{{{performance_id}}}:"


@lru_cache(maxsize=1024)
def keys_of(performance_id: UUID) -> tuple[str, ...]:
    """Return the keys of a room, in the order of the functions."""
    return tuple(_tag(performance_id) + name for name in _KEYS)


def _token_words(fan: FanCall, shown: Proof) -> str:
    """Return what the fan's token says in one argument; it is "" without a token."""
    return f"{shown.number} {shown.epoch} {shown.until_ms} {shown.joined_ms} {fan.fate.value}"


def _terms_words(fan: FanCall) -> str:
    """Return the terms in one argument, "" of a first call by somebody who shows nothing."""
    terms = fan.terms
    if not (terms.invited or terms.work_bits or terms.vouched or fan.counted):
        return ""
    return f"{int(terms.invited)} {terms.work_bits} {int(terms.vouched)} {int(fan.counted)}"


def _limit_args() -> tuple[int, ...]:
    return (*in_redis.limit_of("join").args, *in_redis.limit_of("join_address").args)


def _or_empty(number: int | None) -> int | str:
    return "" if number is None else number
