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
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from prometheus_client import Counter
from rest_framework.exceptions import Throttled

from accounts import revocation
from accounts.api.authentication import login_of
from fastpath.at_once import Threads
from fastpath.availability import Availabilities
from fastpath.holds import Holds
from fastpath.keys import Keys
from fastpath.messages import Request, Response, lines_of
from fastpath.payments import Payments
from fastpath.releases import Releases
from fastpath.requests import Headers, common_environ, environ_of, parted
from fastpath.routes import Route, Routes, outcome_in
from fastpath.waiting_room import WaitingRooms
from kernel import clock
from kernel.errors import ServiceUnavailable
from kernel.http.body_limits import is_too_large
from kernel.http.call_limits import VIEW as CALL_LIMITS
from kernel.http.call_limits import CountedCall
from kernel.http.fast_path import (
    CLIENT_LEFT,
    FastPathResponder,
    RawResponse,
    own_headers,
    refusal,
)
from kernel.rate_limiting.headers import limit_headers
from kernel.rate_limiting.rates import rate_of
from kernel.rate_limiting.throttle import PERSON
from kernel.signing.keyring import ring
from kernel.telemetry import context
from queueing.api.authentication import poller_in

log = logging.getLogger(__name__)
handed_over = Counter(
    "frontrow_handed_over_total", "Requests that fastpath left to the API, unlogged and uncounted"
)

# Of this process, for the part's health; the gateway sends probes to the API.
ALIVE = b"/healthz/live"
HAND_OVER = Response(421, [("X-Accel-Redirect", "@api")])  # a location of the gateway's template
_HEADS = 1024  # of some hundred bytes each, and of no more than the gateway lets through
THREADS = 8  # as many batches are under way at most; each may need a connection of the pool


class Group(StrEnum):
    """Routes that one process serves (Note [Two processes])."""

    WAITING_ROOM = "waiting-room"
    SALE = "sale"


class Head(NamedTuple):
    """What requests share that have the same headers but for their own (Note [Heads alike]).

    `environ` is not to be changed; `envelope` are headers of their responses, as they are sent.
    """

    route: Route
    environ: dict[str, Any]
    envelope: bytes


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

    async def respond(self, request: Request) -> Response:
        """Answer a request, or hand it over (Note [Handing over]).

        It is cancelled for a client who left (Note [Who leaves]).
        """
        started = time.perf_counter()
        if request.target == ALIVE:
            return Response(200)
        try:
            own, common = parted(request.headers)
            head = self._head(request.method, request.target, common)
            if head is not None and request.body is not None:
                is_public = head.route.is_public
                environ = environ_of(request, own, head.environ, is_public=is_public)
                if environ is not None:
                    response = await self._answer(head, environ, request.body, started)
                    if response is not None:
                        return response
        except Exception:  # the API meets it again, and reports it with the whole request
            log.exception("a request was not understood")
        handed_over.inc()
        return HAND_OVER

    def _find_head(self, method: str, target: bytes, common: Headers) -> Head | None:
        """Return what requests with these headers share; None where the API has to answer."""
        path = target.decode("latin-1")  # a query or an encoded path leads to no route
        route = self._route_of(method, path)
        if route is None:
            return None
        environ = common_environ(method, path, common, is_public=route.is_public)
        if environ is None or not self._responder.is_eligible(environ) or is_too_large(environ):
            return None
        envelope = "".join(lines_of(self._responder.envelope(environ)))
        return Head(route, environ, envelope.encode("latin-1"))

    async def _answer(
        self, head: Head, environ: dict[str, Any], body: bytes, started: float
    ) -> Response | None:
        correlation = context.received_in(environ)
        with context.correlated(correlation):
            call = CountedCall(environ)
            spent = call.refusal(_caller_of)
            if spent is not None:
                refused = refusal(Throttled(spent.wait), environ)
                assert refused is not None  # only a defect has none
                refused.headers.extend(limit_headers(spent.headers))
                return self._finished(refused, environ, CALL_LIMITS, head, started)
            view = head.route.view
            try:
                answer = await head.route.respond(environ, body)
            except asyncio.CancelledError:
                self._finished(RawResponse(CLIENT_LEFT, b""), environ, view, head, started)
                call.settle(CLIENT_LEFT, [])
                raise
            if answer is None:
                call.hand_over(has_login=PERSON in environ)
                return None
            answer.headers.append(head.route.allow)
            response = self._finished(answer, environ, view, head, started)
            response.headers = call.settle(response.status, response.headers)
            return response

    def _route_of(self, method: str, path: str) -> Route | None:
        for routes in self._routes:
            route = routes.route_of(method, path)
            if route is not None:
                return route
        return None

    def _finished(
        self,
        answer: RawResponse,
        environ: dict[str, Any],
        view: str,
        head: Head,
        started: float,
    ) -> Response:
        """Log and count an answer; return it with all of its headers."""
        request_id = context.current().request_id
        self._responder.record(
            answer,
            environ,
            view=view,
            request_id=request_id,
            started=started,
            outcome=outcome_in(environ),
        )
        headers = [*answer.headers, *own_headers(answer, request_id)]
        return Response(answer.status, headers, answer.body, head.envelope)


def fill_copies() -> None:
    """Read what the loop looks at, before there is a loop: it must never wait for a server.

    That is the primary's clock, the ended logins, staff's limits and the keys (Note [Refreshed
    copy]). What is unavailable now is read by the threads that keep these copies fresh.
    """
    clock.now()
    with suppress(ServiceUnavailable):
        revocation.is_revoked("")
    rate_of("poll")
    ring()


def _caller_of(environ: dict[str, Any]) -> Any:
    return login_of(environ, by_mac=True) or poller_in(environ)
