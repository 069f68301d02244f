"""Traces: what a request caused, as spans, in every process that it reached.

Note [Price of traces]
Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set: then OpenTelemetry is not even imported, statements
and calls have no wrapper, and `span` returns the same nothing to everybody. On, one request in a
hundred is recorded (OTEL_TRACES_SAMPLER_ARG), and each that asks for it with the operator's token
in `X-Trace-Token`; the flag in `traceparent` says so to whatever it causes, and all others meet one
comparison a step. A caller's own flag alone decides nothing: it would let anybody fill the store.

Note [Spans without values]
A span says what was done, where, for how long and how it ended: no body, no token, no address of a
page or person, no seat, no statement. So attributes are those of `NAMES`, and their values are
numbers and words of ours.

Note [Span of the gateway]
nginx records nothing. It says when it passed a request on (`X-Request-Start`), and who answers
records the gateway's span too: from then to the end of the response, the wait for a free process
included. Where the trace begins at the gateway, its span's id is the first half of the trace's
(Note [Trace of a request] in the gateway's template).
"""

import hmac
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from kernel.telemetry import context
from kernel.telemetry.context import Correlation

# Attributes by the words that our code gives them (Note [Spans without values]).
NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "code": "error.type",
    "system": "db.system.name",
    "operation": "db.operation.name",
    "table": "db.collection.name",
    "server": "frontrow.server",
    "batch": "frontrow.batch_size",
    "outcome": "frontrow.outcome",
    "topic": "messaging.destination.name",
    "group": "messaging.consumer.group.name",
    "event": "frontrow.event_type",
    "task": "frontrow.task",
    "request_id": "frontrow.request_id",
    "asked_by": "frontrow.asked_by",  # the collector keeps it, as it is asked for
}
SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL = (
    "SERVER",
    "CLIENT",
    "PRODUCER",
    "CONSUMER",
    "INTERNAL",
)
NOBODY = "0" * 16
_SAMPLED = "-01"
_LONGEST_WAIT_SECONDS = 120.0  # at the gateway; what claims more is no time of ours

Value = str | int | float


class FinishedSpan(NamedTuple):
    """A span that is over; times in nanoseconds since the Unix epoch.

    It and its parent are named by a `traceparent` each, the parent of a root by one of zeros.
    `links` are other traces that it served. `error` is a word, "" for none.
    """

    traceparent: str
    parent: str
    name: str
    kind: str
    began: int
    ended: int
    attributes: Mapping[str, Value]
    error: str = ""
    links: Sequence[str] = ()


class Exporter(Protocol):
    """Where finished spans go."""

    def export(self, span: FinishedSpan) -> None:
        """Take a span; never waits, never raises."""


_exporter: Exporter | None = None


def is_on() -> bool:
    """Say whether spans are recorded by this process."""
    return _exporter is not None


def start() -> None:
    """Record spans from now on, where the settings name an endpoint."""
    if settings.TRACES_ENDPOINT:
        if settings.TRACES_PACKAGES:
            sys.path.append(settings.TRACES_PACKAGES)
        made: Exporter = import_string(settings.TRACES_EXPORTER)()
        export_to(made, ratio=settings.TRACES_RATIO)


def export_to(exporter: Exporter | None, *, ratio: float) -> None:
    """Record a `ratio` of the traces that begin here, to `exporter`; None records nothing."""
    global _exporter  # noqa: PLW0603  (one a process)
    _exporter = exporter
    context.sample(ratio if exporter else 0.0)


class OpenSpan:
    """A span under way; what is done meanwhile, in this context, is its child."""

    __slots__ = (
        *("_attributes", "_block", "_error", "_kind", "_links", "_name"),
        *("began", "parent", "traceparent"),
    )

    def __init__(
        self, parent: str, name: str, kind: str, links: Sequence[str], attributes: dict[str, Value]
    ) -> None:
        self.parent, self.traceparent = parent, context.child_of(parent)
        self.began, self._error = time.time_ns(), ""
        self._name, self._kind, self._links, self._attributes = name, kind, links, attributes

    def set(self, **attributes: Value) -> None:
        """Add attributes, by the words of `NAMES`."""
        self._attributes.update(attributes)

    def fail(self, error: str) -> None:
        """Say that it failed, by a word, though nothing was raised."""
        self._error = error

    def end(self, error: str = "") -> None:
        """Record it as it is now; `error` is the word for what it failed by."""
        facts = self._attributes, error or self._error, self._links
        named = self.traceparent, self.parent, self._name, self._kind
        _record(FinishedSpan(*named, self.began, time.time_ns(), *facts))

    def __enter__(self) -> "OpenSpan":
        request_id = context.current().request_id
        self._block = context.correlated(Correlation(request_id, self.traceparent))
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._block.__exit__(None, None, None)
        self.end(error_word(error) if error else "")


_NOTHING: AbstractContextManager[OpenSpan | None] = nullcontext()


def span(
    name: str, kind: str = INTERNAL, **attributes: Value
) -> AbstractContextManager[OpenSpan | None]:
    """Record the block as a span of the running request, task or message, if that is recorded."""
    if _exporter is None:
        return _NOTHING
    parent = context.current().traceparent
    return OpenSpan(parent, name, kind, (), attributes) if is_sampled(parent) else _NOTHING


def opened(traceparent: str, name: str, kind: str, **attributes: Value) -> OpenSpan | None:
    """Begin a span as a child of `traceparent`, to be ended by hand; None if not recorded."""
    if _exporter is None or not is_sampled(traceparent):
        return None
    return OpenSpan(traceparent, name, kind, (), attributes)


def batch_span(
    name: str, traceparents: Iterable[str], kind: str = INTERNAL, **attributes: Value
) -> AbstractContextManager[OpenSpan | None]:
    """Record a block that serves several at once: a child of the first, linked to the others."""
    if _exporter is None:
        return _NOTHING
    recorded = [one for one in traceparents if is_sampled(one)]
    if not recorded:
        return _NOTHING
    return OpenSpan(recorded[0], name, kind, recorded[1:], attributes)


def is_sampled(traceparent: str) -> bool:
    """Say whether a trace is recorded."""
    return traceparent.endswith(_SAMPLED)


def error_word(error: BaseException) -> str:
    """Return the word for an error: its code if it is a refusal, else its class; never its text."""
    code = getattr(error, "code", "")
    return code if isinstance(code, str) and code else type(error).__name__


class Arrival(NamedTuple):
    """A request as it came in: its place in a trace, and when the gateway passed it on.

    `correlation` names the request's own span if it is recorded. `passed_on` is in seconds since
    the epoch, 0 where no gateway says it. `asked_by` is "operator" for what is asked for.
    """

    correlation: Correlation
    parent: str = ""
    passed_on: float = 0.0
    asked_by: str = ""


def arrived(
    request_id: str | None,
    traceparent: str | None,
    *,
    token: str | None = None,
    passed_on: str | None = None,
) -> Arrival:
    """Return the place of a request by its headers (Note [Price of traces]).

    `token` is that of `X-Trace-Token`, `passed_on` what `X-Request-Start` says.
    """
    came = context.received(request_id, traceparent)
    if _exporter is None:
        return Arrival(came)
    trace = came.traceparent[:-2]
    wanted = token and came.traceparent.endswith(_SAMPLED) and _is_operators(token)
    if not (wanted or context.is_chosen(came.trace_id)):
        return Arrival(came._replace(traceparent=f"{trace}00"))
    parent = f"{trace}01" if traceparent == came.traceparent else root_of(came.traceparent)
    own = came._replace(traceparent=context.child_of(parent))
    found = Arrival(own, parent, asked_by="operator" if wanted else "")
    with suppress(ValueError):
        found = found._replace(passed_on=float(passed_on or 0))
    return found


def arrived_in(environ: Mapping[str, Any]) -> Arrival:
    """Return what `arrived` makes of a WSGI environment's headers."""
    get = environ.get
    return arrived(
        get("HTTP_X_REQUEST_ID"),
        get("HTTP_TRACEPARENT"),
        token=get("HTTP_X_TRACE_TOKEN"),
        passed_on=get("HTTP_X_REQUEST_START"),
    )


def responded(
    arrival: Arrival,
    *,
    request_id: str,
    method: str,
    route: str,
    status: int,
    code: str,
    ended: float,
    seconds: float,
) -> None:
    """Record a request, and the gateway's part in it; `ended` in seconds since the epoch.

    `code` is that of a refusal: it is kept as the span's error.
    """
    own, parent = arrival.correlation.traceparent, arrival.parent
    if not parent or _exporter is None:
        return
    end, began, passed_on = int(ended * 1e9), int((ended - seconds) * 1e9), arrival.passed_on
    attributes: dict[str, Value] = {"method": method, "route": route, "status": status}
    error = code or (str(status) if status >= 500 else "")
    if passed_on and 0 <= ended - passed_on < _LONGEST_WAIT_SECONDS:
        gateway, above = context.child_of(parent), parent
        if parent[36:52] == parent[3:19]:  # the trace begins there
            gateway, above = parent, root_of(parent)
        since = min(int(passed_on * 1e9), began)
        _record(FinishedSpan(gateway, above, "gateway", SERVER, since, end, attributes, error))
        parent = gateway
    attributes = {**attributes, "request_id": request_id}
    if arrival.asked_by:
        attributes["asked_by"] = arrival.asked_by
    _record(FinishedSpan(own, parent, f"{method} {route}", SERVER, began, end, attributes, error))


def _record(span: FinishedSpan) -> None:
    if _exporter is not None:
        _exporter.export(span)


def _is_operators(token: str) -> bool:
    wanted = settings.OPS_TOKEN
    return bool(wanted) and hmac.compare_digest(token.encode(), wanted.encode())


def root_of(traceparent: str) -> str:
    """Return the parent of what begins a trace: nobody, by a span of zeros."""
    return f"{traceparent[:36]}{NOBODY}{traceparent[52:]}"
