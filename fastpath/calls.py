"""Calls of the service: what a request says, who sends it, how it was counted; and the routes.

Note [One object a request]
All that is known of a request while it is answered stands in its `Call`: made once its headers were
parted, counted by its client IP before anything else of it is read, and handed from the service to
the route, to the batch and back. What is read of it is read once, at the first need. A route is a
plain function: it returns the response, None where the API has to answer, TO_LINE where another
process has to, or a future of the first two, which a batch or a task fulfils.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from rest_framework.exceptions import APIException, Throttled

from accounts.api.authentication import login_from
from fastpath.messages import Request
from fastpath.requests import (
    AUTHORIZATION,
    FORWARDED_FOR,
    REQUEST_ID,
    REQUEST_START,
    TRACE_TOKEN,
    TRACEPARENT,
)
from kernel import clock
from kernel.caller import Caller, client_ip_behind
from kernel.errors import DomainError
from kernel.http.call_limits import CountedCall
from kernel.http.fast_path import JSON, RawResponse, refusal_in
from kernel.outcomes import Outcome
from kernel.rate_limiting.throttle import ThrottleResult, refused_too_often
from kernel.telemetry import context, tracing
from kernel.telemetry.access_log import NO_OUTCOME, RequestOutcome

Answered: TypeAlias = RawResponse | None  # None: the API has to answer


class ToLine:
    """In place of a response: another process has to answer (Note [One process a line])."""


TO_LINE = ToLine()
_Later: TypeAlias = "asyncio.Future[Answered] | asyncio.Future[Outcome[Answered]]"
Answer: TypeAlias = "Answered | ToLine | _Later"
Respond = Callable[["Call"], Answer]
_Login: TypeAlias = Caller | APIException | DomainError | None
_UNREAD: Any = object()
# The gateway waits for 20 s and, where the API can take over at once, for 5 s.
PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS = 15.0, 4.0


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request.

    `view` names its counters, `allow` is a header. `is_public`: the answer is the same for
    everybody. `holder` returns whom a call shows by another proof than a login, where there is one.
    `patience` is how long a call waits, in s: less than the gateway does (Note [Late calls]).
    """

    view: str
    allow: tuple[str, str]
    respond: Respond
    is_public: bool = False
    holder: "Callable[[Call], object] | None" = None
    patience: float = PATIENCE_SECONDS


class Routes(Protocol):
    """The routes of one domain; to be used on one event loop."""

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        ...


class Head(NamedTuple):
    """What requests share that have the same headers but for their own (Note [Heads alike]).

    `environ` is not to be changed; `received` are the bytes of the body. `envelope` are headers of
    their responses, as they are sent, and `view_envelope` those of what the route responds.
    """

    route: Route
    environ: dict[str, Any]
    method: str
    path: str
    language: str
    transport: str
    received: int
    envelope: bytes
    view_envelope: bytes


class Call:
    """One request on its way (Note [One object a request]); to be used on one event loop.

    `own` are the headers of this request alone, by name. `now` is when it came, `seconds` the same
    as a number; `started` by `time.perf_counter`. `user` is the user id of the person by whose own
    limits it counts, "" until then. `shown` is what was shown in place of a login, once read.
    `is_answered`: it has its response, whatever comes yet. `arrival` is its place in a trace that
    is recorded.
    """

    __slots__ = (
        "_correlation",
        "_login",
        "arrival",
        "body",
        "client_ip",
        "counted",
        "head",
        "is_answered",
        "is_personal",
        "now",
        "outcome",
        "own",
        "request_id",
        "seconds",
        "shown",
        "started",
        "user",
    )

    def __init__(self, head: Head, own: dict[bytes, str], request: Request, started: float) -> None:
        self.head, self.own, self.started = head, own, started
        self.body = request.body or b""
        self.now = now = clock.now()
        self.seconds = now.timestamp()
        self.request_id = context.received_request_id(own.get(REQUEST_ID))
        self.client_ip = client_ip_behind(own.get(FORWARDED_FOR, ""), peer=request.client_ip)
        self.counted = CountedCall(self.client_ip, now=self.seconds)
        self.is_personal = AUTHORIZATION in own
        self.is_answered = False
        self.outcome = NO_OUTCOME
        self.user = ""
        self.shown: Any = None
        self._login: _Login = _UNREAD
        self._correlation: context.Correlation | None = None
        self.arrival = self._recorded_arrival() if tracing.is_on() else None

    def caller(self) -> Caller | None:
        """Return the caller whom the login shows; None where there is a refusal to explain."""
        login = self.login()
        return login if isinstance(login, Caller) else None

    def login(self) -> _Login:
        """Return what `login_from` reads in the request, which takes a login by its MAC."""
        if self._login is _UNREAD:
            header = self.own.get(AUTHORIZATION, "")
            self._login = login_from(header, now=self.now, by_mac=True)
        return self._login

    def anybody(self) -> object:
        """Return whom the call shows, by a login or by what its route takes in place of one."""
        holder = self.head.route.holder
        return self.login() or (holder and holder(self))

    def count_for(self, user_id: UUID) -> RawResponse | None:
        """Count the call by this person's limits from here on, no more by its client IP's.

        Return the refusal of a person whose recent calls were refused too often.
        """
        user = str(user_id)
        self.outcome = RequestOutcome(user_id=user)
        spent = refused_too_often(user, now=self.seconds)
        if spent is not None:
            return self.throttled(spent)
        self.user = user
        return None

    def sender(self) -> Caller | RawResponse | None:
        """Return who sends a JSON body, and count the call by this person's limits.

        Return the refusal of a person refused too often; None where the API has to explain one.
        """
        if self.head.environ.get("CONTENT_TYPE") != JSON:
            return None
        caller = self.caller()
        if caller is None:
            return None
        refused = self.count_for(caller.user_id)
        if refused is not None:
            return refused
        return caller if self.body else None

    def throttled(self, spent: ThrottleResult) -> RawResponse | None:
        """Return the refusal of a call beyond a limit."""
        return self.refusal(Throttled(spent.wait), spent.headers)

    def refusal(
        self, error: Exception, fields: tuple[str, str] | None = None
    ) -> RawResponse | None:
        """Return the response to a refused request; None for a defect.

        `fields` say how far the caller's limit is, where it is known.
        """
        head = self.head
        with context.correlated(self.correlation()):
            return refusal_in(
                head.language,
                error,
                path=head.path,
                is_personal=self.is_personal,
                fields=fields,
            )

    def run(self, work: Coroutine[Any, Any, Answered]) -> "asyncio.Task[Answered]":
        """Let work for this call run in a task; what it logs and records names the request."""
        with context.correlated(self.correlation()):
            return asyncio.get_running_loop().create_task(work)

    def correlation(self) -> context.Correlation:
        """Return the request's id and trace, which is read, or begun, at the first need."""
        if self._correlation is None:
            self._correlation = context.received(self.request_id, self.own.get(TRACEPARENT))
        return self._correlation

    def _recorded_arrival(self) -> tracing.Arrival | None:
        """Return the call's place in its trace where that is recorded, None elsewhere."""
        own = self.own.get
        traceparent = own(TRACEPARENT, "")
        if context.is_left_out(traceparent):
            return None
        arrival = tracing.arrived(
            self.request_id,
            traceparent,
            token=own(TRACE_TOKEN),
            passed_on=own(REQUEST_START),
        )
        self._correlation = arrival.correlation
        return arrival if arrival.parent else None

    def traceparent(self) -> str:
        """Return the request's `traceparent`: what it sent, where nobody needed it until now."""
        known = self._correlation
        return known.traceparent if known else self.own.get(TRACEPARENT, "")
