"""The waiting room's routes: joins, own polls and the public status, each room's in batches.

Note [Understood completely]
What is answered here is a request of the usual form with a valid login (for a poll the join token
is enough), and the refusals that the use case itself gives. Everything else is left to the API:
other methods and paths, queries, cookies, bodies with anything in them (an invitation, an answer to
a challenge), failed logins. So validation, negotiation and the refusals of logins exist once.
"""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TypeAlias
from uuid import UUID

from accounts.api.permissions import IsFan
from fastpath.batcher import Batcher
from fastpath.calls import SHORT_PATIENCE_SECONDS, TO_LINE, Answer, Answered, Call, Route
from fastpath.line import SaleLines
from fastpath.requests import AUTHORIZATION, QUEUE_TOKEN
from kernel import clock
from kernel.caller import Caller
from kernel.db.release import connections_released
from kernel.http.fast_path import JSON, PRIVATE, RawResponse, allow_header
from kernel.http.kept_refusals import CACHING, is_kept
from kernel.http.stands_for import StandsFor, check_declared
from kernel.outcomes import Outcome, outcome_of, outcomes_of
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.redis.loop_connection import LoopConnection
from queueing import policy
from queueing.api.authentication import (
    ROOM_PATH,
    JoinTokenAuthentication,
    PassNeedsLogin,
    holder_by,
    read_join_token,
)
from queueing.api.views import STATUS_CACHING, MyPlaceView, QueueView
from queueing.errors import QueueTokenInvalid
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

_CONTENT = ("Content-Type", JSON)
# With how far the caller's limit is, which the queue server says of a join.
_Join: TypeAlias = tuple[Call, JoinRequest, RateLimitStatus]
_Poll: TypeAlias = tuple[Call, PollRequest, tuple[str, str]]

_route = partial(Route, patience=SHORT_PATIENCE_SECONDS)


class WaitingRooms:
    """The routes of all rooms; to be used on one event loop."""

    def __init__(self, executor: Executor) -> None:
        check_declared(*STANDS_FOR)
        self._executor = executor
        self._queue_server = LoopConnection(queue_server.library, executor)
        most = policy.BATCH_FANS
        self._joins = Batcher(self._join_many, most=most, kind="join")
        self._polls = Batcher(self._poll_many, most=most, kind="poll")
        self._statuses = Batcher(self._status_many, most=_READERS, kind="status")
        self._lines = SaleLines(executor, _public_status)
        self._of_room, self._of_place = allow_header(QueueView), allow_header(MyPlaceView)

    async def open(self) -> None:
        """Open the connection to the queue server."""
        await self._queue_server.open()

    def close(self) -> None:
        """Close it."""
        self._queue_server.close()

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        found = ROOM_PATH.fullmatch(path)
        if found is None:
            return None
        performance_id = UUID(found[1])
        match method, found[2] is not None:
            case "POST", False:
                return _route("queue", self._of_room, partial(self._join, performance_id))
            case "GET", False:
                status = partial(self._status, performance_id)
                return _route("queue", self._of_room, status, is_public=True)
            case "GET", True:
                poll, holder = partial(self._poll, performance_id), partial(_holder, performance_id)
                return _route("queue-me", self._of_place, poll, holder=holder)
        return None

    def _join(self, performance_id: UUID, call: Call) -> Answer:
        caller = call.caller()
        if caller is None:
            return None
        if self._lines.is_elsewhere(performance_id, call):
            return TO_LINE
        refused = call.count_for(caller.user_id)
        if refused is not None:
            return refused
        if not _has_bare_body(call):
            return None
        limit_status = RateLimitStatus()
        request = JoinRequest(
            caller.user_id,
            call.own.get(QUEUE_TOKEN),
            Applicant(call.client_ip, caller.is_staff),
            limit_status,
        )
        return self._joins.submit(performance_id, (call, request, limit_status), call.traceparent())

    def _poll(self, performance_id: UUID, call: Call) -> Answer:
        caller = call.caller() or _holder(performance_id, call)
        if caller is None:
            return None
        if not isinstance(caller, Caller):
            return call.refusal(caller)
        refused = call.count_for(caller.user_id)
        if refused is not None:
            return refused
        spent = throttle.count_here("poll", call.user, now=call.seconds)
        if spent.wait is not None:
            return call.throttled(spent)
        request = PollRequest(caller.user_id, call.own.get(QUEUE_TOKEN), call.shown)
        return self._polls.submit(
            performance_id, (call, request, spent.headers), call.traceparent()
        )

    async def _join_many(
        self, performance_id: UUID, joins: Sequence[_Join]
    ) -> Sequence[Outcome[Answered]]:
        requests = [request for _, request, _ in joins]
        places = await self._served(JoinBatch(performance_id, requests, clock.now()))
        return outcomes_of(_join_response, zip(joins, places, strict=True))

    async def _poll_many(
        self, performance_id: UUID, polls: Sequence[_Poll]
    ) -> Sequence[Outcome[Answered]]:
        requests = [request for _, request, _ in polls]
        places = await self._served(PollBatch(performance_id, requests, clock.now()))
        return outcomes_of(_poll_response, zip(polls, places, strict=True))

    async def _served(self, batch: JoinBatch | PollBatch) -> Sequence[Outcome[QueuePlace]]:
        """Return the outcomes of a batch: from here if one call is enough, else from a thread."""
        call = batch.first_call()
        raw = None if call is None else await self._queue_server.call(*call)
        received = None if raw is None else batch.read(raw)
        if call is None or (received is not None and are_final(received)):
            return batch.outcomes(received)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _outcomes, batch, received)

    def _status(self, performance_id: UUID, call: Call) -> Answer:
        known = waiting_room.known_status(performance_id)
        if known is not None:
            return _status_response(call, known)
        return self._statuses.submit(performance_id, call)

    async def _status_many(
        self, performance_id: UUID, calls: Sequence[Call]
    ) -> Sequence[Outcome[Answered]]:
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(self._executor, _public_status, performance_id)
        return [_status_response(call, status) for call in calls]


def _has_bare_body(call: Call) -> bool:
    """Return whether the body is empty or `{}`."""
    body = call.body
    return not body or (body == b"{}" and call.head.environ.get("CONTENT_TYPE") == JSON)


def _holder(performance_id: UUID, call: Call) -> Caller | PassNeedsLogin | QueueTokenInvalid | None:
    """Return whose join token a call shows instead of a login (Note [Token alone]), as the view.

    What the token proves is left in `call.shown`.
    """
    token = call.own.get(QUEUE_TOKEN)
    if AUTHORIZATION in call.own or not token:
        return None
    call.is_personal = True
    if call.shown is None:
        call.shown = read_join_token(token, performance_id, now=call.now)
    return holder_by(call.shown)


def _join_response(answered: tuple[_Join, Outcome[QueuePlace]]) -> Answered:
    (call, _, limit_status), place = answered
    return _place_response(call, place, limit_status.fields, created=201)


def _poll_response(answered: tuple[_Poll, Outcome[QueuePlace]]) -> Answered:
    (call, _, fields), place = answered
    return _place_response(call, place, fields, created=200)


def _place_response(
    call: Call,
    place: Outcome[QueuePlace],
    fields: tuple[str, str] | None,
    *,
    created: int,
) -> Answered:
    """Return the response to a join or a poll; None for a defect, which the API reports."""
    if isinstance(place, Exception):
        return call.refusal(place, fields)
    status = created if place.created else 200
    return RawResponse(status, place.to_json(), [_CONTENT, PRIVATE, *limit_headers(fields)])


def _status_response(call: Call, status: Outcome[PublicStatus]) -> Answered:
    if not isinstance(status, Exception):
        caching = PRIVATE if call.is_personal else ("Cache-Control", STATUS_CACHING)
        return RawResponse(200, _encode(status.as_json()).encode(), [_CONTENT, caching])
    response = call.refusal(status)
    if response is not None and is_kept(response.status) and not call.is_personal:
        response.headers.append(CACHING)
    return response


@connections_released()  # a cold room asks PostgreSQL
def _outcomes(batch: JoinBatch | PollBatch, received: Received) -> Sequence[Outcome[QueuePlace]]:
    return batch.outcomes(received)


@connections_released()
def _public_status(performance_id: UUID) -> Outcome[PublicStatus]:
    return outcome_of(waiting_room.public_status, performance_id=performance_id, now=clock.now())
