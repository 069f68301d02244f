"""The waiting room's routes: joins, own polls and the public status, each room's in batches.

Note [Understood completely]
What is answered here is a request of the usual form with a valid login (for a poll the join token
is enough), and the refusals that the use case itself gives. Everything else is left to the API:
other methods and paths, queries, cookies, bodies with anything in them (an invitation, an answer to
a challenge), failed logins. So validation, negotiation and the refusals of logins exist once.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.exceptions import Throttled
from rest_framework.views import APIView

from accounts.api.authentication import caller_in
from accounts.api.permissions import IsFan
from fastpath.batcher import Batcher
from fastpath.routes import OUTCOME, Route
from kernel import clock
from kernel.caller import Caller, client_ip_in
from kernel.db.release import connections_released
from kernel.http.fast_path import JSON, PRIVATE, RawResponse, allow_header, refusal
from kernel.http.kept_refusals import CACHING, is_kept
from kernel.http.stands_for import StandsFor, check_declared
from kernel.outcomes import Outcome, outcome_of
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.redis.loop_connection import LoopConnection
from kernel.telemetry.access_log import RequestOutcome
from queueing import policy
from queueing.api.authentication import ROOM_PATH, JoinTokenAuthentication, holder_in, proof_in
from queueing.api.views import STATUS_CACHING, MyPlaceView, QueueView
from queueing.fan_batches import JoinBatch, PollBatch
from queueing.fan_requests import Applicant, JoinRequest, PollRequest
from queueing.join_request import Received
from queueing.places import QueuePlace
from queueing.queue_server import queue_server
from queueing.replies import are_final
from queueing.room_status import PublicStatus
from queueing.usecases import waiting_room

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_READERS = 4096  # of one public status, which is made once for all of them
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (
    StandsFor(QueueView, "GET", permissions=(), throttle_route=None),
    StandsFor(QueueView, "POST", permissions=(IsFan,), throttle_route=None),
    StandsFor(
        MyPlaceView,
        "GET",
        permissions=(IsFan,),
        throttle_route="poll",
        proofs=(JoinTokenAuthentication,),
    ),
)

_RespondOfRoom = Callable[[UUID, dict[str, Any], bytes], Awaitable[RawResponse | None]]


class WaitingRooms:
    """The routes of all rooms; to be used on one event loop."""

    def __init__(self, executor: Executor) -> None:
        check_declared(*STANDS_FOR)
        self._executor = executor
        self._queue_server = LoopConnection(queue_server.library, executor)
        most = policy.BATCH_FANS
        self._joins = Batcher(self._join_many, most=most, kind="join")
        self._polls = Batcher(self._poll_many, most=most, kind="poll")
        self._statuses = Batcher(self._public_statuses, most=_READERS, kind="status")
        self._kinds: dict[tuple[str, bool], tuple[str, type[APIView], _RespondOfRoom]] = {
            ("POST", False): ("queue", QueueView, self._join),
            ("GET", True): ("queue-me", MyPlaceView, self._poll),
            ("GET", False): ("queue", QueueView, self._status),
        }
        self._allow: dict[type[APIView], tuple[str, str]] = {
            view: allow_header(view) for view in (QueueView, MyPlaceView)
        }

    async def open(self) -> None:
        """Open the connection to the queue server."""
        await self._queue_server.open()

    def close(self) -> None:
        """Close it."""
        self._queue_server.close()

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        found = ROOM_PATH.fullmatch(path)
        kind = found and self._kinds.get((method, found[2] is not None))
        if not found or not kind:
            return None
        view, view_class, respond = kind
        return Route(
            view,
            self._allow[view_class],
            partial(respond, UUID(found[1])),
            is_public=respond == self._status,
        )

    async def _join(
        self, performance_id: UUID, environ: dict[str, Any], body: bytes
    ) -> RawResponse | None:
        caller = caller_in(environ, by_mac=True)
        if caller is None:
            return None
        environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id))
        spent = throttle.count_person(environ, caller.user_id)
        if spent is not None:
            return refusal(Throttled(spent.wait), environ, spent.headers)
        if not _has_bare_body(environ, body):
            return None
        limit_status = RateLimitStatus()
        request = JoinRequest(
            caller.user_id,
            environ.get("HTTP_X_QUEUE_TOKEN"),
            Applicant(client_ip_in(environ), caller.is_staff),
            limit_status,
        )
        outcome = await self._joins.submit(performance_id, request)
        return _place_response(environ, outcome, limit_status, created=201)

    async def _poll(
        self, performance_id: UUID, environ: dict[str, Any], body: bytes
    ) -> RawResponse | None:
        caller = caller_in(environ, by_mac=True) or holder_in(environ, performance_id)
        if caller is None:
            return None
        if not isinstance(caller, Caller):
            return refusal(caller, environ)
        environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id))
        spent = throttle.count_person(environ, caller.user_id)
        if spent is None:
            spent = throttle.count("poll", str(caller.user_id))
        if spent.wait is not None:
            return refusal(Throttled(spent.wait), environ, spent.headers)
        token = environ.get("HTTP_X_QUEUE_TOKEN")
        request = PollRequest(caller.user_id, token, proof_in(environ))
        outcome = await self._polls.submit(performance_id, request)
        return _place_response(environ, outcome, RateLimitStatus(spent.headers), created=200)

    async def _join_many(
        self, performance_id: UUID, requests: Sequence[JoinRequest]
    ) -> Sequence[Outcome[QueuePlace]]:
        return await self._served(JoinBatch(performance_id, requests, clock.now()))

    async def _poll_many(
        self, performance_id: UUID, requests: Sequence[PollRequest]
    ) -> Sequence[Outcome[QueuePlace]]:
        return await self._served(PollBatch(performance_id, requests, clock.now()))

    async def _served(self, batch: JoinBatch | PollBatch) -> Sequence[Outcome[QueuePlace]]:
        """Return the outcomes of a batch: from here if one call is enough, else from a thread."""
        call = batch.first_call()
        raw = None if call is None else await self._queue_server.call(*call)
        received = None if raw is None else batch.read(raw)
        if call is None or (received is not None and are_final(received)):
            return batch.outcomes(received)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _outcomes, batch, received)

    async def _public_statuses(
        self, performance_id: UUID, requests: Sequence[None]
    ) -> Sequence[Outcome[PublicStatus]]:
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(self._executor, _public_status, performance_id)
        return [status] * len(requests)

    async def _status(
        self, performance_id: UUID, environ: dict[str, Any], body: bytes
    ) -> RawResponse | None:
        outcome: Outcome[PublicStatus] | None = waiting_room.known_status(performance_id)
        if outcome is None:
            outcome = await self._statuses.submit(performance_id, None)
        is_private = "HTTP_AUTHORIZATION" in environ
        if not isinstance(outcome, Exception):
            caching = PRIVATE if is_private else ("Cache-Control", STATUS_CACHING)
            return RawResponse(200, _body(outcome), [("Content-Type", JSON), caching])
        response = refusal(outcome, environ)
        if response is not None and is_kept(response.status) and not is_private:
            response.headers.append(CACHING)
        return response


def _has_bare_body(environ: dict[str, Any], body: bytes) -> bool:
    """Return whether the body is empty or `{}`."""
    return not body or (body == b"{}" and environ.get("CONTENT_TYPE") == JSON)


def _place_response(
    environ: dict[str, Any],
    outcome: Outcome[QueuePlace],
    limit_status: RateLimitStatus,
    *,
    created: int,
) -> RawResponse | None:
    """Return the response to a join or a poll; None for a defect, which the API reports."""
    if isinstance(outcome, Exception):
        return refusal(outcome, environ, limit_status.fields)
    return RawResponse(
        created if outcome.created else 200,
        _body(outcome),
        [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)],
    )


def _body(document: QueuePlace | PublicStatus) -> bytes:
    return _encode(document.as_json()).encode()


@connections_released()  # a cold room asks PostgreSQL
def _outcomes(batch: JoinBatch | PollBatch, received: Received) -> Sequence[Outcome[QueuePlace]]:
    return batch.outcomes(received)


@connections_released()
def _public_status(performance_id: UUID) -> Outcome[PublicStatus]:
    return outcome_of(waiting_room.public_status, performance_id=performance_id, now=clock.now())
