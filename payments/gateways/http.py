"""Calls of a gateway over HTTP: one pooled client, and every failure in the words of the note.

The map of failures, by Note [What a gateway said]: what ends before the request is on its way
(no connection, no free connection, an open breaker) is `NotSent`; everything after that without an
understandable reply (a timeout, a reset, 5xx, a redirect, what is no JSON object, more than
`LONGEST_REPLY`) is `OutcomeUnknown`. A reply below 500 is returned, refusals included.
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kernel.outbound.breaker import RatioBreaker
from kernel.outbound.retries import RetryBudget, retrying
from kernel.redis.breaker import DependencyUnavailable
from kernel.telemetry import tracing
from kernel.text import strict_json
from payments import metrics
from payments.gateways.gateway import NotSent, OutcomeUnknown

LONGEST_REPLY = 256 * 1024
CONNECTIONS = 32
# A connection that rested longer is not used again: the gateway may be about to close it.
REST_SECONDS = 3.0
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)


class _Unreached(NotSent):
    """No connection: the one failure after which a call that moves money may be repeated."""


@dataclass(frozen=True, slots=True)
class GatewayReply:
    """What the gateway replied: a status below 500 and a JSON object."""

    status: int
    document: Mapping[str, Any]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The code of a refusal; empty where there is none."""
        code = self.document.get("code")
        return code[:100] if isinstance(code, str) else ""

    @property
    def message(self) -> str:
        message = self.document.get("message")
        return message[:300] if isinstance(message, str) else ""


class GatewayHttp:
    """The connections to one gateway, its breaker and its budget of retries, for all threads."""

    def __init__(
        self, url: str, secret: str, *, name: str, connect_seconds: float, read_seconds: float
    ) -> None:
        credentials = base64.b64encode(f"{secret}:".encode()).decode()
        self._seconds, self._name = connect_seconds + read_seconds, name
        # Nothing of the environment (proxies, netrc) decides where our secret goes.
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Basic {credentials}", "Accept": "application/json"},
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=REST_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )
        self._breaker = RatioBreaker(
            f"gateway_{name}", failures_on=(_Unreached, OutcomeUnknown), retry_seconds=5.0
        )
        self._budget = RetryBudget()

    @property
    def is_refusing(self) -> bool:
        """Say whether the breaker is open, so that no call would be sent."""
        return self._breaker.is_open

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def look_up(self, path: str) -> GatewayReply:
        """Send a GET, again after any failure. Raises NotSent: a look-up moves no money."""
        try:
            return self._measured("find", lambda: self._retried("GET", path, None, None, True))
        except OutcomeUnknown as error:
            raise NotSent(f"no understandable reply: {error}") from error

    def act(
        self, call: str, path: str, body: Mapping[str, Any], *, key: str | None
    ) -> GatewayReply:
        """Send a POST, and again only where the first was not sent.

        `key`: the Idempotency-Key. Raises NotSent and OutcomeUnknown.
        """
        return self._measured(call, lambda: self._retried("POST", path, body, key, False))

    def _retried(
        self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None, safe: bool
    ) -> GatewayReply:
        def once() -> GatewayReply:
            try:
                return self._breaker.call(lambda: self._exchange(method, path, body, key))
            except DependencyUnavailable as error:
                raise NotSent("the breaker is open") from error

        failures = (_Unreached, OutcomeUnknown) if safe else (_Unreached,)
        return retrying(once, on=failures, budget=self._budget, seconds=self._seconds)

    def _measured(self, call: str, send: Callable[[], GatewayReply]) -> GatewayReply:
        began, outcome = time.monotonic(), "unknown"
        try:
            with tracing.span(f"payment gateway {call}", tracing.CLIENT, server=self._name) as span:
                reply = send()
                outcome = "replied" if reply.is_success else "refused"
                if span:
                    span.set(outcome=outcome, status=reply.status)
            return reply
        except NotSent:
            outcome = "not_sent"
            raise
        finally:
            metrics.gateway_calls.labels(call, outcome).inc()
            metrics.gateway_seconds.labels(call).observe(time.monotonic() - began)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None
    ) -> GatewayReply:
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream(method, path, json=body, headers=headers) as response:
                content = _read(response, deadline)
        except _BEFORE_SENDING as error:
            raise _Unreached(repr(error)) from error
        # InvalidURL and the like are bugs of ours, but by then nobody knows what was sent.
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise OutcomeUnknown(repr(error)) from error
        return _understood(response.status_code, content)


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Return the body; a slow or endless one ends at the deadline or at the longest reply."""
    received = bytearray()
    for piece in response.iter_bytes():
        received += piece
        if len(received) > LONGEST_REPLY:
            raise OutcomeUnknown("the reply is too long")
        if time.monotonic() > deadline:
            raise OutcomeUnknown("the reply takes too long")
    return bytes(received)


def _understood(status: int, content: bytes) -> GatewayReply:
    if status >= 500 or 300 <= status < 400 or status < 200:
        raise OutcomeUnknown(f"status {status}")
    try:
        document = strict_json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise OutcomeUnknown("the reply is no JSON") from error
    if not isinstance(document, dict):
        raise OutcomeUnknown("the reply is no object")
    return GatewayReply(status, document)
