"""The outermost part of the application: count every call, then look at it.

Note [Counted first]
A made-up token, an unknown path or a malformed body costs its sender nothing, so each call is
counted by its client IP before anything of it is parsed, authenticated or read, whatever answers it
later: the fast paths, Django's views, the login API, a document. Once the answer is known:

- a call that a limit of a person has counted is given back: thousands of fans share one IP, and
  each has limits of his own. Those refused as malformed count for that person instead;
- a call of nobody that was refused counts `_REFUSAL_COSTS` times.

An IP that has spent its calls is answered 429, but for those who show a valid login: they count
for the person's limit "default", so that nobody shuts a whole network out. Probes are counted like
all others and never refused: their answers are kept, and a fleet must not end by its own probes.
It is one step on a dictionary of the process (Note [Pace]), no round trip.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from rest_framework.exceptions import APIException, Throttled

from kernel import clock
from kernel.caller import Caller
from kernel.http import body_limits
from kernel.http.exception_handler import BodyTooLarge
from kernel.http.fast_path import LeanSite, StartResponse, limit_headers, refusal
from kernel.rate_limiting import throttle
from kernel.rate_limiting.gcra import Counted, Pace
from kernel.rate_limiting.in_redis import Meter, address_tag
from kernel.rate_limiting.rates import Rate, rate_of
from kernel.rate_limiting.throttle import PERSON, address_in, charge_refusal, refused
from kernel.telemetry import context

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_Login = Callable[[dict[str, Any]], Any]

_ROUTE = "anonymous"
_REFUSAL_COSTS = 3
_PROBES = "/healthz/"
# Statuses that a call of nobody may have without being refused: the state of things, and slowed.
_NO_REFUSAL = {409, 429}
# Of a call that a person's limits count: what was wrong with the call itself.
_MALFORMED = {400, 405, 406, 413, 415, 422}

_client_ips = Pace(most=100_000)


class CallLimits:
    """A WSGI application that counts calls in front of another.

    `login_of` returns the `Caller` whose valid login an environment shows, or anything else.
    """

    def __init__(self, application: _Application, *, login_of: _Login) -> None:
        self._application = application
        self._login_of = login_of
        self._site = LeanSite()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Count, then answer or let the application answer."""
        client_ip, rate = address_tag(address_in(environ)), rate_of(_ROUTE)
        counted = _client_ips.count(client_ip, rate, now=clock.now().timestamp())
        if counted.is_refused and not environ["PATH_INFO"].startswith(_PROBES):
            wait, fields = self._spent(environ, counted)
            if wait is not None:
                return self._refuse(Throttled(wait), environ, _with(start_response, fields))

        def settle(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            code, person = int(status[:3]), environ.get(PERSON)
            if person is None:
                fields = _settle_nobodys(client_ip, rate, counted, code, headers)
            else:
                if not counted.is_refused:
                    _client_ips.refund(client_ip, rate)
                fields = charge_refusal(person).headers if code in _MALFORMED else None
            if fields and not any(name == "RateLimit" for name, _ in headers):
                headers = [*headers, *limit_headers(Meter(fields))]
            return start_response(status, headers, *rest)

        if body_limits.is_too_large(environ):
            return self._refuse(BodyTooLarge(), environ, settle)
        return self._application(environ, settle)

    def _spent(
        self, environ: dict[str, Any], counted: Counted
    ) -> tuple[int | None, tuple[str, str]]:
        """Return how long who calls from a spent IP has to wait, None: not at all."""
        login = self._login_of(environ)
        if isinstance(login, Caller):
            own = throttle.count("default", str(login.user_id))
            return own.wait, own.headers
        refused.labels(_ROUTE).inc()
        return counted.reset, _fields(counted)

    def _refuse(
        self, error: APIException, environ: dict[str, Any], start_response: StartResponse
    ) -> list[bytes]:
        started = time.perf_counter()
        answer = refusal(error, environ, Meter())
        assert answer is not None  # only a defect has none
        sent = self._site.send(
            answer,
            environ,
            start_response,
            view="call-limits",
            request_id=context.received_in(environ).request_id,
            started=started,
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else sent


def forget() -> None:
    """Forget which client IPs this process has counted."""
    _client_ips.clear()


def _with(start_response: StartResponse, fields: tuple[str, str]) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], /) -> Any:
        return start_response(status, [*headers, *limit_headers(Meter(fields))])

    return start


def _fields(counted: Counted) -> tuple[str, str]:
    return throttle.described(_ROUTE, rate_of(_ROUTE), counted).headers


def _settle_nobodys(
    client_ip: str, rate: Rate, counted: Counted, code: int, headers: list[tuple[str, str]]
) -> tuple[str, str] | None:
    """Count a refusal for what it costs; return the limit's fields where no shared cache looks."""
    if 400 <= code < 500 and code not in _NO_REFUSAL:
        counted = _client_ips.charge(
            client_ip, rate, _REFUSAL_COSTS - 1, now=clock.now().timestamp()
        )
    caching = ",".join(value for name, value in headers if name == "Cache-Control")
    if "public" in caching or (code < 400 and "no-store" not in caching):
        return None
    return _fields(counted)
