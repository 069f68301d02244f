"""The service: an RSGI application that answers hot requests and hands the others over.

Note [Handing over]
A request that is not answered here gets an empty response that names a location of the gateway,
from which nginx sends it to the API, with its method, query, body and headers. It is neither logged
nor counted here: the API does both. Somebody who reaches the service without the gateway reads 421,
Misdirected Request.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from prometheus_client import Counter
from rest_framework.exceptions import Throttled

from accounts import revocation
from accounts.api.authentication import login_of
from fastpath.holds import Holds
from fastpath.requests import Scope, environ_of, has_body
from fastpath.routes import ReadBody, Route, Routes, outcome_in
from fastpath.waiting_room import WaitingRooms
from kernel import clock
from kernel.errors import ServiceUnavailable
from kernel.http.body_limits import MOST_DRAINED, is_too_large
from kernel.http.call_limits import VIEW as CALL_LIMITS
from kernel.http.call_limits import CountedCall
from kernel.http.fast_path import FastPathResponder, RawResponse, refusal
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

ALIVE = (
    "/healthz/live"  # of this process, for the part's health; the gateway sends probes to the API
)
HAND_OVER = (421, [("X-Accel-Redirect", "@api")])  # a location of the gateway's template
THREADS = 8  # as many batches are under way at most; each may need a connection of the pool

Answer = tuple[RawResponse, list[tuple[str, str]]]


class Exchange(Protocol):
    """What RSGI gives to read a body and to respond."""

    def __call__(self) -> Awaitable[bytes]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...


class Body:
    """The body of a request, which is read to its end even where nobody needs it.

    See Note [Bodies are read] in kernel/http/body_limits.py.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._is_read = False

    async def read(self) -> bytes:
        """Return the body."""
        self._is_read = True
        return await self._exchange()

    async def drain(self) -> None:
        """Read what is left, up to more than the gateway lets through."""
        if self._is_read:
            return
        size = 0
        async for chunk in self._exchange:
            size += len(chunk)
            if size > MOST_DRAINED:
                return


class FastPathService:
    """An RSGI application; to be used on one event loop."""

    def __init__(self, executor: Executor | None = None) -> None:
        executor = executor or ThreadPoolExecutor(THREADS, thread_name_prefix="batches")
        waiting = ThreadPoolExecutor(THREADS, thread_name_prefix="waiting")
        self._routes: tuple[Routes, ...] = (WaitingRooms(executor), Holds(executor, waiting))
        self._responder = FastPathResponder()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer a request, or hand it over (Note [Handing over])."""
        if scope.path == ALIVE:
            exchange.response_empty(200, [])
            return
        body = Body(exchange)
        answer = None
        try:
            answer = await self._answer(scope, body.read)
        except Exception:  # the API meets it again, and reports it with the whole request
            log.exception("a request was not understood")
        if has_body(scope):
            await body.drain()
        if answer is None:
            handed_over.inc()
            exchange.response_empty(*HAND_OVER)
        else:
            response, headers = answer
            exchange.response_bytes(response.status, headers, response.body)

    async def _answer(self, scope: Scope, read_body: ReadBody) -> Answer | None:
        started = time.perf_counter()
        route = self._route_of(scope.method, scope.path)
        environ = None if route is None else environ_of(scope, is_public=route.is_public)
        if route is None or environ is None or not self._is_usual(environ):
            return None  # the API counts it, too
        with context.correlated(context.received_in(environ)):
            return await self._answer_by(route, environ, read_body, started)

    async def _answer_by(
        self, route: Route, environ: dict[str, Any], read_body: ReadBody, started: float
    ) -> Answer | None:
        call = CountedCall(environ)
        spent = call.refusal(_caller_of)
        if spent is not None:
            refused = refusal(Throttled(spent.wait), environ)
            assert refused is not None  # only a defect has none
            refused.headers.extend(limit_headers(spent.headers))
            return refused, self._finish(refused, environ, CALL_LIMITS, started)
        response = await route.respond(environ, read_body)
        if response is None:
            call.hand_over(has_login=PERSON in environ)
            return None
        response.headers.append(route.allow)
        return response, call.settle(
            response.status, self._finish(response, environ, route.view, started)
        )

    def _route_of(self, method: str, path: str) -> Route | None:
        for routes in self._routes:
            route = routes.route_of(method, path)
            if route is not None:
                return route
        return None

    def _is_usual(self, environ: dict[str, Any]) -> bool:
        return self._responder.is_eligible(environ) and not is_too_large(environ)

    def _finish(
        self, response: RawResponse, environ: dict[str, Any], view: str, started: float
    ) -> list[tuple[str, str]]:
        """Log and count a response; return all of its headers."""
        return self._responder.finish(
            response,
            environ,
            view=view,
            request_id=context.current().request_id,
            started=started,
            outcome=outcome_in(environ),
        )


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
