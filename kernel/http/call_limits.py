"""The outermost layer of the application: it counts every call before anything looks at it.

Note [Counted first]
A made-up token, an unknown path or a malformed body costs its sender nothing, so each call is
counted by its client IP before any of it is parsed, authenticated or read, whatever responds later:
a fast path, a view, the login API, a document. Once the response is known:

- a call counted by a person's own limit is given back to the IP: thousands of fans share one IP,
  and each has limits of their own. One refused as malformed counts for that person instead;
- a refused call without a login counts `_REFUSAL_COSTS` times.

An IP that has spent its calls gets 429, except for calls with a valid login, or with what their
view takes in place of one, at pages the cookie beside the session: they count for the person's
limit "default", a machine's for "machine", so that nobody can shut a whole network out, such as the
doors of a venue. What a server has signed
passes too, and its view counts it by a limit of its own; what nobody has signed is anybody's call.
Probes are counted like all other calls and never refused: their reports are cached, and a fleet
must not fail by its own probes. Counting is one step on a dictionary of the process (Note [Generic
cell rate]), no round trip.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from rest_framework.exceptions import APIException, Throttled

from kernel import clock
from kernel.caller import Caller, Machine, Sender, client_ip_in, client_ip_tag
from kernel.http import body_limits
from kernel.http.exception_handler import BodyTooLarge
from kernel.http.fast_path import CLIENT_LEFT, Application, FastPathResponder, StartResponse
from kernel.rate_limiting import throttle
from kernel.rate_limiting.gcra import Gcra, GcraResult
from kernel.rate_limiting.headers import limit_headers
from kernel.rate_limiting.rates import rate_of
from kernel.rate_limiting.throttle import PERSON, ThrottleResult, charge_refusal, refused

CallerOf = Callable[[dict[str, Any]], Any]

VIEW = "call-limits"  # what its refusals are counted as
_ROUTE = "anonymous"
_REFUSAL_COSTS = 3
_PROBES = "/healthz/"
# Of a call without a login: a conflict is no refusal of the call, and 429 has counted already.
_NO_REFUSAL = {409, 429, CLIENT_LEFT}
# Of a call that a person's limits count: the call itself was wrong.
_MALFORMED = {400, 405, 406, 413, 415, 422}

_client_ips = Gcra(most=100_000)


class CountedCall:
    """A call that its client IP has been counted for, and what its response changes of that.

    `now` is when it came, in seconds.
    """

    __slots__ = ("_client_ip", "_counted", "_rate")

    def __init__(self, client_ip: str, *, now: float) -> None:
        self._client_ip, self._rate = client_ip_tag(client_ip), rate_of(_ROUTE)
        self._counted = _client_ips.count(self._client_ip, self._rate, now=now)

    def refusal(self, path: str, caller_of: Callable[[], Any]) -> ThrottleResult | None:
        """Return why a call to `path` from a spent IP may not pass; None where it may.

        `caller_of`, as for `CallLimits`, is called for a spent IP alone.
        """
        if not self._counted.is_refused or path.startswith(_PROBES):
            return None
        caller = caller_of()
        if isinstance(caller, Sender):
            return None  # its view counts it by a limit of its own
        if isinstance(caller, (Caller, Machine)):
            own = throttle.count_spared(caller)
            return None if own.wait is None else own
        refused.labels(_ROUTE).inc()
        return throttle.described(_ROUTE, self._rate, self._counted)

    def settle(
        self, status: int, headers: list[tuple[str, str]], *, person: str
    ) -> list[tuple[str, str]]:
        """Count the response; return its headers, the limit's among them.

        `person`: by whose own limits the call counts (`throttle.PERSON`), "" for nobody's.
        """
        if not person:
            fields = self._settle_without_login(status, headers)
        else:
            self._refund()
            fields = charge_refusal(person).headers if status in _MALFORMED else None
        if fields and not any(name == "RateLimit" for name, _ in headers):
            return [*headers, *limit_headers(fields)]
        return headers

    def hand_over(self, *, has_login: bool) -> None:
        """Leave the call to another process, which counts it too.

        A call with a login is that process's alone to count. One without is about to be refused:
        it costs the IP as much here, or looking at forged logins would be free.
        """
        if has_login:
            self._refund()
        else:
            self._charge_refusal()

    def _refund(self) -> None:
        if not self._counted.is_refused:
            _client_ips.refund(self._client_ip, self._rate)

    def _settle_without_login(
        self, status: int, headers: list[tuple[str, str]]
    ) -> tuple[str, str] | None:
        """Count a refusal at its cost; return the limit's fields unless a cache may share them."""
        counted = self._counted
        if 400 <= status < 500 and status not in _NO_REFUSAL:
            counted = self._charge_refusal()
        caching = ",".join(value for name, value in headers if name == "Cache-Control")
        if "public" in caching or (status < 400 and "no-store" not in caching):
            return None
        return throttle.described(_ROUTE, self._rate, counted).headers

    def _charge_refusal(self) -> GcraResult:
        return _client_ips.charge(
            self._client_ip, self._rate, _REFUSAL_COSTS - 1, now=clock.now().timestamp()
        )


class CallLimits:
    """A WSGI application that counts calls in front of another.

    `caller_of` returns the `Caller`, `Machine` or `Sender` that an environment shows by a valid
    proof, or anything else.
    """

    def __init__(self, application: Application, *, caller_of: CallerOf) -> None:
        self._application = application
        self._caller_of = caller_of
        self._responder = FastPathResponder()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Count, then respond or let the application respond."""
        call = CountedCall(client_ip_in(environ), now=clock.now().timestamp())
        spent = call.refusal(environ["PATH_INFO"], lambda: self._caller_of(environ))
        if spent is not None:
            body_limits.drain(environ)
            return self._refuse(Throttled(spent.wait), environ, _with(start_response, spent))

        def settle(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if status >= "400":
                body_limits.drain(environ)
            settled = call.settle(int(status[:3]), headers, person=environ.get(PERSON, ""))
            return start_response(status, settled, *rest)

        if body_limits.is_too_large(environ):
            return self._refuse(BodyTooLarge(), environ, settle)
        return self._application(environ, settle)

    def _refuse(
        self, error: APIException, environ: dict[str, Any], start_response: StartResponse
    ) -> list[bytes]:
        sent = self._responder.refuse(
            error, environ, start_response, view=VIEW, started=time.perf_counter()
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else sent


def forget_client_ips() -> None:
    """Drop the client IPs that this process has counted."""
    _client_ips.clear()


def _with(start_response: StartResponse, spent: ThrottleResult) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], /) -> Any:
        return start_response(status, [*headers, *limit_headers(spent.headers)])

    return start
