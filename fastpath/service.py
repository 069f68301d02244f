"""The service: it answers hot requests, and hands the others over.

Note [Handing over]
A request that is not answered here gets an empty response that names a location of the gateway,
from which nginx sends it to the API, with its method, query, body and headers. It is neither logged
nor counted here: the API does both. Somebody who reaches the service without the gateway reads 421,
Misdirected Request.

Note [Who leaves]
A client may leave while its request is under way, and the gateway says so at once. What has begun
by then takes effect, a hold among it, and nobody reads the response; so the request is logged and
counted as the gateway's own log has it, by the status 499.

Note [Two processes]
An interpreter runs one thread at a time, and a batch that holds or sells seats is as much Python as
it is waiting for PostgreSQL: in one process each fan who polls waits for turns of the threads that
sell, and they for turns of the loop. So a node runs the service twice, each with some of the
routes: one process for those who wait, which alone gives them their order, and one for the sale. It
hands over what is the other's.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache, partial

from prometheus_client import Counter
from rest_framework.exceptions import Throttled

from accounts import revocation
from fastpath.at_once import Threads
from fastpath.availability import Availabilities
from fastpath.calls import Answered, Call, Head, Route, Routes, ToLine
from fastpath.health import HealthRoutes
from fastpath.holds import Holds
from fastpath.http_connection import PendingResponse, Reply
from fastpath.keys import Keys
from fastpath.late_calls import LateCalls
from fastpath.messages import Request, Response, lines_of
from fastpath.payments import Payments
from fastpath.releases import Releases
from fastpath.requests import NOT_PUBLIC, Headers, common_environ, parted
from fastpath.waiting_room import WaitingRooms
from kernel import clock
from kernel.caching import live_streams
from kernel.errors import CommitUncertain, ServiceUnavailable
from kernel.http.body_limits import is_too_large
from kernel.http.call_limits import VIEW as CALL_LIMITS
from kernel.http.fast_path import (
    CLIENT_LEFT,
    FastPathResponder,
    RawResponse,
    language,
    own_headers,
)
from kernel.outcomes import Outcome
from kernel.rate_limiting.headers import limit_headers
from kernel.rate_limiting.rates import rate_of
from kernel.rate_limiting.throttle import ThrottleResult
from kernel.signing.keyring import ring
from kernel.telemetry.access_log import LoggedResponse, record_response

log = logging.getLogger(__name__)
handed_over = Counter(
    "frontrow_handed_over_total", "Requests that fastpath left to the API, unlogged and uncounted"
)
to_line = Counter(
    "frontrow_joins_to_line_total", "Joins that fastpath left to the process of their line"
)
late_calls = Counter(
    "frontrow_late_calls_total", "Calls of fastpath that got no answer in their time", ["view"]
)

# Locations of the gateway's template.
HAND_OVER = Response(421, [("X-Accel-Redirect", "@api")])
SEND_TO_LINE = Response(421, [("X-Accel-Redirect", "@line")])
_SAFE = frozenset({"GET", "HEAD"})
_HEADS = 1024  # of some hundred bytes each, and of no more than the gateway lets through
THREADS = 8  # as many batches are under way at most; each may need a connection of the pool


class Group(StrEnum):
    """Routes that one process serves (Note [Two processes])."""

    WAITING_ROOM = "waiting-room"
    SALE = "sale"


class FastPathService:
    """The application of the service's server; to be used on one event loop."""

    def __init__(
        self, executor: Executor | None = None, *, groups: Collection[Group] = tuple(Group)
    ) -> None:
        executor = executor or ThreadPoolExecutor(THREADS, thread_name_prefix="batches")
        self._waiting_rooms = WaitingRooms(executor) if Group.WAITING_ROOM in groups else None
        self._routes: list[Routes] = [] if self._waiting_rooms is None else [self._waiting_rooms]
        if Group.SALE in groups:
            threads = Threads(executor, ThreadPoolExecutor(THREADS, thread_name_prefix="waiting"))
            keys = Keys(threads)
            self._routes += [
                Holds(threads, keys),
                Payments(threads, keys),
                Releases(threads),
                Availabilities(executor),
            ]
        self._health = HealthRoutes()
        self._late = LateCalls(_refuse_late)
        self._responder = FastPathResponder()
        self._head = lru_cache(maxsize=_HEADS)(self._find_head)

    async def open(self) -> None:
        """Open connections to servers, so that not even the first fans wait for that."""
        if self._waiting_rooms is not None:
            await self._waiting_rooms.open()

    def close(self) -> None:
        """Close the connections that the loop uses."""
        if self._waiting_rooms is not None:
            self._waiting_rooms.close()

    def answer(self, request: Request, reply: Reply) -> Response | PendingResponse:
        """Answer a request, now or later by `reply`, or hand it over (Note [Handing over]).

        What is returned for a later response is cancelled for a client who left (Note [Who
        leaves]).
        """
        started = time.perf_counter()
        health = self._health.answer(request.target, reply)
        if health is not None:
            return health
        try:
            call = self._call_of(request, started)
            if call is None:
                return _hand_over()
            spent = call.counted.refusal(call.head.path, call.anybody)
            if spent is not None:
                return _refused_by_client_ip(call, spent)
            answer = call.head.route.respond(call)
            if isinstance(answer, ToLine):
                call.counted.hand_over(has_login=True)
                to_line.inc()
                return SEND_TO_LINE
            if not isinstance(answer, asyncio.Future):
                return _response_to(call, answer)
        except Exception:  # the API meets it again, and reports it with the whole request
            log.exception("a request was not understood")
            return _hand_over()
        answer.add_done_callback(partial(_reply_to, call, reply))
        self._late.watch(call, answer, reply)
        return answer

    def _call_of(self, request: Request, started: float) -> Call | None:
        """Return the call that a request is; None where the API has to answer."""
        own, odd, common = parted(request.headers)
        head = self._head(request.method, request.target, common)
        if head is None or request.body is None:
            return None
        if odd and not (head.route.is_public and odd <= NOT_PUBLIC):
            return None
        return Call(head, own, request, started)

    def _find_head(self, method: str, target: bytes, common: Headers) -> Head | None:
        """Return what requests with these headers share; None where the API has to answer."""
        path = target.decode("latin-1")  # a query or an encoded path leads to no route
        route = self._route_of(method, path)
        if route is None:
            return None
        responder = self._responder
        environ = common_environ(method, path, common, is_public=route.is_public)
        if environ is None or not responder.is_eligible(environ) or is_too_large(environ):
            return None
        envelope = responder.envelope(environ)
        return Head(
            route,
            environ,
            method,
            path,
            language(environ),
            transport="https" if responder.is_secure(environ) else "http",
            received=int(environ.get("CONTENT_LENGTH") or 0),
            envelope=lines_of(envelope).encode("latin-1"),
            view_envelope=lines_of([*envelope, route.allow]).encode("latin-1"),
        )

    def _route_of(self, method: str, path: str) -> Route | None:
        for routes in self._routes:
            route = routes.route_of(method, path)
            if route is not None:
                return route
        return None


def _reply_to(call: Call, reply: Reply, answered: "asyncio.Future[Outcome[Answered]]") -> None:
    """Send the response to a call that was answered later, unless its client has left."""
    if call.is_answered:
        return
    if answered.cancelled():
        _record(call, RawResponse(CLIENT_LEFT, b""), call.head.route.view)
        call.counted.settle(CLIENT_LEFT, [], person=call.user)
        return
    reply(_response_from(call, answered.result))


def _refuse_late(call: Call, reply: Reply) -> None:
    """Answer a call that has waited too long (Note [Late calls])."""
    late_calls.labels(call.head.route.view).inc()
    is_safe = call.head.method in _SAFE
    reply(_response_from(call, lambda: None if is_safe else CommitUncertain()))


def _response_from(call: Call, result: Callable[[], Outcome[Answered]]) -> Response:
    """Return the response to a call by its result; where none can be made, the API has to."""
    try:
        answer = result()
        if isinstance(answer, Exception):
            answer = call.refusal(answer)
        return _response_to(call, answer)
    except Exception:
        log.exception("a request was not answered")
        return _hand_over()


def _response_to(call: Call, answer: Answered) -> Response:
    """Log and count the answer to a call; return it with all of its headers."""
    if answer is None:
        call.counted.hand_over(has_login=bool(call.user))
        return _hand_over()
    head = call.head
    _record(call, answer, head.route.view)
    headers = call.counted.settle(answer.status, answer.headers, person=call.user)
    return Response(
        answer.status,
        [*headers, *own_headers(answer, call.request_id)],
        answer.body,
        head.view_envelope,
    )


def _refused_by_client_ip(call: Call, spent: ThrottleResult) -> Response:
    """Log and count the refusal of a call from a spent client IP; no view has seen it."""
    refused = call.refusal(Throttled(spent.wait))
    assert refused is not None  # only a defect has none
    _record(call, refused, CALL_LIMITS)
    headers = [*refused.headers, *limit_headers(spent.headers)]
    headers += own_headers(refused, call.request_id)
    return Response(refused.status, headers, refused.body, call.head.envelope)


def _hand_over() -> Response:
    handed_over.inc()
    return HAND_OVER


def _record(call: Call, answer: RawResponse, view: str) -> None:
    """Log and count a response of the view named `view`."""
    head, outcome = call.head, call.outcome
    record_response(
        LoggedResponse(
            time.time(),
            call.request_id,
            head.method,
            head.path,
            view,
            head.transport,
            answer.status,
            time.perf_counter() - call.started,
            head.received,
            len(answer.body),
            outcome._replace(code=answer.code) if answer.code else outcome,
            call.traceparent(),
            call.arrival,
        )
    )


def fill_copies() -> None:
    """Read what the loop looks at, before there is a loop: it must never wait for a server.

    That is the primary's clock, the ended logins, staff's limits, the keys and whether the streams
    are open (Note [Refreshed copy]). What is unavailable now is read by the threads that keep these
    copies fresh.
    """
    clock.now()
    with suppress(ServiceUnavailable):
        revocation.is_revoked("")
    rate_of("poll")
    live_streams.is_open()
    ring()
