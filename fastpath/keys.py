"""Idempotency-Keys in front of Django: claimed and given back for all who wait in one statement.

Note [Keys in the service]
A request with a key is executed as the API does (Note [Idempotency without a shared transaction] in
idempotency/usecases/leases.py): its key is claimed, the request joins the batch of its route, its
response is stored, and then sent. Claims and stored responses have batches of their own, so that
all three may be under way at once, for other requests. From the claim on it goes to its end even if
the client leaves: nobody else may execute it before the lease lapses.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from fastpath.at_once import BatchesAtOnce, Threads
from fastpath.calls import Answered, Call
from idempotency import policy
from idempotency.requests import KeyedRequest, keyed_request
from idempotency.usecases import endings, leases
from idempotency.usecases.endings import Closed, Ending
from idempotency.usecases.leases import Claimed
from idempotency.values import Lease, StoredResponse
from kernel import clock
from kernel.caller import Caller
from kernel.http.fast_path import JSON, PRIVATE, RawResponse
from kernel.rate_limiting.headers import limit_headers

# What belongs to one response, not to its replay.
_OF_ONE_RESPONSE = frozenset({"Cache-Control", "RateLimit-Policy", "RateLimit"})


class Executed(NamedTuple):
    """What a request has come to: its response (None for a defect), and the error behind it."""

    response: RawResponse | None
    error: Exception | None = None


class Keys:
    """The keys of all routes of the service; to be used on one event loop."""

    def __init__(self, threads: Threads) -> None:
        most = policy.REQUESTS_PER_BATCH
        self._claims: BatchesAtOnce[KeyedRequest, Lease | StoredResponse] = BatchesAtOnce(
            _claim_at_once, threads, most=most, kind="key"
        )
        self._endings: BatchesAtOnce[Ending, bool] = BatchesAtOnce(
            _close_at_once, threads, most=most, kind="key_end"
        )
        self._answering: set[asyncio.Task[Answered]] = set()  # a loop keeps no task alive

    async def answer(
        self,
        call: Call,
        keyed: KeyedRequest,
        execute: Callable[[Lease], Awaitable[Executed]],
        fields: tuple[str, str] | None = None,
    ) -> Answered:
        """Return the response to a request with a key, which is executed once; None for a defect.

        `fields` say how far the caller's limit is, where no execution does.
        """
        answering = asyncio.get_running_loop().create_task(
            self._answer(call, keyed, execute, fields)
        )
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)
        return await asyncio.shield(answering)

    async def _answer(
        self,
        call: Call,
        keyed: KeyedRequest,
        execute: Callable[[Lease], Awaitable[Executed]],
        fields: tuple[str, str] | None,
    ) -> Answered:
        found = await self._claims.submit(keyed)
        if isinstance(found, Exception):
            return call.refusal(found, fields)
        if isinstance(found, StoredResponse):
            return _replayed(found, fields)
        executed = Executed(None)
        try:
            executed = await execute(found)
        finally:
            await self._endings.submit(_ending(found, executed))
        return executed.response


def keyed_post(key: str, caller: Caller, *, path: str, body: Any) -> KeyedRequest:
    """Return a caller's POST to a path without parameters, under its key."""
    return keyed_request(
        key,
        user_id=caller.user_id,
        method="POST",
        route=path[1:],  # as the URLconf has it, which a record is named by
        path=path,
        query="",
        body=body,
    )


def _claim_at_once(requests: Sequence[KeyedRequest]) -> list[Claimed]:
    return leases.claim_at_once(requests, now=clock.now())


def _close_at_once(ended: Sequence[Ending]) -> list[Closed]:
    return endings.close_at_once(ended, now=clock.now())


def _ending(lease: Lease, executed: Executed) -> Ending:
    response = executed.response
    stored = None if response is None else _stored(response)
    return endings.ending_of(lease, response=stored, error=executed.error)


def _stored(response: RawResponse) -> StoredResponse:
    headers = {
        name: value
        for name, value in response.headers
        if name not in _OF_ONE_RESPONSE and (name, value) != ("Content-Type", JSON)
    }
    return StoredResponse(response.status, response.body.decode(), headers)


def _replayed(stored: StoredResponse, fields: tuple[str, str] | None) -> RawResponse:
    headers = {"Content-Type": JSON, **stored.headers, "Idempotency-Replayed": "true"}
    return RawResponse(
        stored.status,
        stored.body.encode(),
        [*headers.items(), PRIVATE, *limit_headers(fields)],
    )
