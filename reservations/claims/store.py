"""The claims of all performances as one Redis store (Note [Seat claims])."""

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from prometheus_client import Counter

from kernel.clock import from_ms, to_ms
from kernel.outcomes import Outcome
from kernel.rate_limiting import in_redis
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded
from kernel.redis.functions import FunctionLibrary, text_of
from queueing import ended_places
from reservations import policy
from reservations.claims.values import (
    ClaimRequest,
    ClaimResult,
    SeatChange,
    StoredClaim,
    Verdict,
)

log = logging.getLogger(__name__)

gate_skipped = Counter(
    "frontrow_seat_gate_skipped_total", "Seat claims decided by PostgreSQL alone: no lock server"
)
writes_failed = Counter(
    "frontrow_seat_claim_writes_failed_total", "Claims that could not be written after a commit"
)

_KINDS = {"T": "tentative", "H": "held", "S": "sold"}
_STORED = re.compile(r"([^|]*)\|([^|]*)\|([THS])\|(\d+)\|(\d+)")
_LUA = Path(__file__).parents[1] / "lua" / "seat_claims.lua"


class SeatClaims:
    """The claims of all performances; the keys of one share a hash tag, so a slot."""

    def __init__(self) -> None:
        self.library = FunctionLibrary("lock", in_redis.SOURCE, ended_places.SOURCE, _LUA)

    def claim_many(
        self, *, performance_id: UUID, requests: Sequence[ClaimRequest], now: datetime
    ) -> list[Outcome[ClaimResult]]:
        """Claim for each request all of its seats or none, for the time of a transaction.

        One round trip. Requests are served in order, each as if alone; never raises for Redis.
        """
        now_ms = to_ms(now)
        calls = [_claim_call(performance_id, request, now_ms) for request in requests]
        try:
            replies = self.library.call_all("fr_claim_seats", calls=calls)
        except DependencyUnavailable:
            gate_skipped.inc(len(requests))
            return [ClaimResult(Verdict.SKIPPED) for _ in requests]
        return [
            reply if isinstance(reply, Exception) else _claim_result(reply, request.seat_ids)
            for reply, request in zip(replies, requests, strict=True)
        ]

    def write_many(
        self, *, performance_id: UUID, changes: Sequence[SeatChange], now: datetime
    ) -> bool:
        """Write what PostgreSQL decided, in one round trip; return whether that succeeded.

        A failure is counted, never raised.
        """
        changes = [change for change in changes if change.claims or change.lapses.users]
        if not changes:
            return True
        calls = [_write_call(performance_id, change, to_ms(now)) for change in changes]
        try:
            replies = self.library.call_all("fr_write_seats", calls=calls)
        except DependencyUnavailable as error:
            replies = [error] * len(changes)
        failed = [
            (change, reply)
            for change, reply in zip(changes, replies, strict=True)
            if isinstance(reply, Exception)
        ]
        for change, reply in failed:
            writes_failed.inc(len(change.claims))
            log.warning(
                "seat claims not written",
                extra={"performance": str(performance_id), "error": repr(reply)},
            )
        return not failed

    def find(self, *, performance_id: UUID, seat_id: UUID) -> StoredClaim | None:
        """Return the claim on a seat, None without one; raises `DependencyUnavailable`."""
        return self.find_many(performance_id=performance_id, seat_ids=[seat_id]).get(seat_id)

    def find_many(
        self, *, performance_id: UUID, seat_ids: Sequence[UUID]
    ) -> dict[UUID, StoredClaim]:
        """Return the claims on seats that have one, in one round trip; raises as `find` does."""
        if not seat_ids:
            return {}
        keys = _seat_keys(performance_id, seat_ids)
        stored = guarded("lock", lambda server: cast("list[bytes | None]", server.mget(keys)))
        found = (
            (seat_id, _claim_of(value)) for seat_id, value in zip(seat_ids, stored, strict=True)
        )
        return {seat_id: claim for seat_id, claim in found if claim}

    def is_warm(self, *, performance_id: UUID) -> bool:
        """Say whether the server knows the performance's claims; raises `DependencyUnavailable`."""
        return self._warmth(performance_id, leave_mark=False)

    def mark_warm(self, *, performance_id: UUID) -> None:
        """Mark that the server knows the claims from now on; raises `DependencyUnavailable`."""
        self._warmth(performance_id, leave_mark=True)

    def _warmth(self, performance_id: UUID, *, leave_mark: bool) -> bool:
        reply = self.library.call(
            "fr_gate_warmth", keys=[_key(performance_id, "warm")], args=[int(leave_mark)]
        )
        return int(reply) == 1


seat_claims = SeatClaims()


def _claim_call(
    performance_id: UUID, request: ClaimRequest, now_ms: int
) -> tuple[list[str], list[Any]]:
    limits, user_id = request.hold_limits, request.user_id
    keys = [
        *_seat_keys(performance_id, request.seat_ids),
        _key(performance_id, f"n:hold:{user_id}"),
        _key(performance_id, f"n:hold_address:{limits.client_ip_tag}"),
        _lapses_key(performance_id, user_id),
        ended_places.key(performance_id, user_id),
    ]
    args = [
        str(request.reservation_id),
        str(user_id),
        now_ms,
        now_ms + policy.CLAIM_MS,
        policy.CLAIM_STALE_MS,
        len(request.seat_ids),
        *limits.fan.args,
        *limits.client_ip.args,
        settings.QUEUE_CLOCK_SKEW_MS,
        "" if request.joined_ms is None else request.joined_ms,
    ]
    return keys, args


def _claim_result(reply: Sequence[Any], seat_ids: Sequence[UUID]) -> ClaimResult:
    number, taken, yours, owners, limit, retry_after = reply
    verdict = Verdict(int(number))
    names = [text_of(owner) for owner in owners]
    if verdict is Verdict.PLACE_ENDED:
        return ClaimResult(verdict, limit=limit, ended=names[0])
    return ClaimResult(
        verdict,
        yours=tuple(sorted({UUID(text_of(own)) for own in yours})),
        owners={seat_ids[index - 1]: name for index, name in zip(taken, names, strict=True)},
        limit=limit,
        retry_after=int(retry_after),
    )


def _write_call(
    performance_id: UUID, change: SeatChange, now_ms: int
) -> tuple[list[str], list[str | int]]:
    lapses = change.lapses
    keys = _seat_keys(performance_id, [claim.seat_id for claim in change.claims])
    keys += [_lapses_key(performance_id, user) for user in lapses.users]
    args: list[str | int] = [
        str(change.writer),
        now_ms,
        len(change.claims),
        lapses.threshold,
        lapses.first_seconds * 1000,
        policy.BACKOFF_MOST_SECONDS * 1000,
        policy.BACKOFF_WINDOW_SECONDS * 1000,
    ]
    for claim in change.claims:
        args += [
            str(claim.owner or ""),
            str(claim.user_id or ""),
            "H" if claim.until else "S",
            to_ms(claim.until) if claim.until else now_ms + policy.SOLD_CLAIM_MS,
            claim.overruled_owner,
        ]
    return keys, args


def _seat_keys(performance_id: UUID, seat_ids: Sequence[UUID]) -> list[str]:
    return [_key(performance_id, str(seat_id)) for seat_id in seat_ids]


def _lapses_key(performance_id: UUID, user_id: UUID | str) -> str:
    return _key(performance_id, f"lapses:{user_id}")


def _claim_of(value: bytes | None) -> StoredClaim | None:
    found = _STORED.fullmatch(text_of(value or ""))
    if found is None:
        return None
    owner, user_id, kind, until_ms, confirmed_ms = found.groups()
    return StoredClaim(
        owner, user_id, _KINDS[kind], from_ms(int(until_ms)), from_ms(int(confirmed_ms))
    )


def _key(performance_id: UUID, name: str) -> str:
    return f"fr:l:{{{performance_id}}}:{name}"
