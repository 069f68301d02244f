"""The access log: one line and the request metrics of each response.

Note [Responses in batches]
A line in the log and nineteen steps of django-prometheus' counters cost more than a fast path's
response itself, and each takes a lock that all threads of the process share. So a fast path only
queues its response here, and one thread a process logs and counts the queued ones ten times a
second: lines in few writes, and each counter once a batch. What a killed process had queued within
the last tenth of a second is lost, as are lines still in a log shipper's buffer; a process that
ends in order empties its queue.
"""

import logging
import os
import sys
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from json.encoder import encode_basestring
from multiprocessing.util import Finalize
from select import PIPE_BUF
from typing import NamedTuple

from django.conf import settings
from django_prometheus.middleware import Metrics
from prometheus_client import Counter, Histogram

from kernel.telemetry import failed_responses, tracing
from kernel.telemetry.context import Correlation, correlated, is_traceparent
from kernel.telemetry.tracing import Arrival

log = logging.getLogger("frontrow.access")

_text = encode_basestring  # as JSON writes a text, without escapes for what is not ASCII
_PAUSE_SECONDS = 0.1

dropped = Counter(
    "frontrow_answers_forgotten_total",
    "Responses neither logged nor counted: the log was not read in time",
)


class RequestOutcome(NamedTuple):
    """How a request ended; an empty field does not apply and is left out of the line."""

    code: str = ""  # of the problem document
    user_id: str = ""
    hold_outcome: str = ""  # a label value of frontrow_holds_total

    def fields(self) -> dict[str, str]:
        """Return the members of the access line."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value}


NO_OUTCOME = RequestOutcome()


class LoggedResponse(NamedTuple):
    """One response as it is logged; `at` in seconds since the Unix epoch, sizes in bytes.

    `traceparent` is the request's, as it came if nothing was made of it; `arrival` its place in a
    trace that is recorded.
    """

    at: float
    request_id: str
    method: str
    path: str
    view: str
    transport: str
    status: int
    seconds: float
    received: int
    sent: int
    outcome: RequestOutcome = NO_OUTCOME
    traceparent: str = ""
    arrival: Arrival | None = None


# Bounded: a log that nobody reads must not fill the memory.
_queued: deque[LoggedResponse] = deque(maxlen=100_000)
_writing = threading.Lock()
_writer_of = 0  # process id
_starting = threading.Lock()


def record_response(response: LoggedResponse) -> None:
    """Log and count a response, within about a tenth of a second."""
    if len(_queued) == _queued.maxlen:
        dropped.inc()
    _queued.append(response)
    if _writer_of != os.getpid():
        _start()


def flush() -> None:
    """Log and count the queued responses now."""
    with _writing:
        batch = [_queued.popleft() for _ in range(len(_queued))]
        if batch:
            _log_all(batch)
            _count_all(batch)
            if tracing.is_on():
                _trace_all(batch)


def log_access(
    method: str, path: str, status: int, started: float, outcome: RequestOutcome
) -> None:
    """Write the access line of a request that came in at `started` (`time.perf_counter`)."""
    _log(method, path, status, time.perf_counter() - started, outcome)


def _start() -> None:
    global _writer_of  # noqa: PLW0603  (one thread a process)
    with _starting:
        if _writer_of == os.getpid():
            return
        _writer_of = os.getpid()
        threading.Thread(target=_write_forever, name="access-log", daemon=True).start()
        Finalize(None, flush, exitpriority=0)  # children of multiprocessing run no atexit


def _write_forever() -> None:
    while True:
        time.sleep(_PAUSE_SECONDS)
        try:
            flush()
        except Exception:
            log.exception("responses not logged")


def _log(method: str, path: str, status: int, seconds: float, outcome: RequestOutcome) -> None:
    fields = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 1)}
    log.info("request", extra=fields | outcome.fields())


def _log_all(batch: Sequence[LoggedResponse]) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    if settings.LOG_FORMAT == "json":
        for lines in _together([_line(response) for response in batch]):
            sys.stderr.write(lines)
        return
    for response in batch:
        with correlated(Correlation(response.request_id, response.traceparent)):
            _log(
                response.method, response.path, response.status, response.seconds, response.outcome
            )


def _together(lines: Sequence[str]) -> Iterator[str]:
    """Join lines up to what a pipe takes at once: the processes of the API share one."""
    some: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode())
        if some and size + length > PIPE_BUF:
            yield "".join(some)
            some, size = [], 0
        some.append(line)
        size += length
    yield "".join(some)


def _line(response: LoggedResponse) -> str:
    """Return the line that the formatter of settings.LOGGING makes, at a tenth of its cost."""
    second, milliseconds = divmod(int(response.at * 1000), 1000)
    return (
        f'{{"time": "{_second(second)}.{milliseconds:03}Z", "level": "INFO", '
        f'"logger": "frontrow.access", "message": "request", '
        f'"request_id": {_text(response.request_id)}, {_trace(response.traceparent)}{_process()}, '
        f'"method": {_text(response.method)}, "path": {_text(response.path)}, '
        f'"status": {response.status}, '
        f'"ms": {round(response.seconds * 1000, 1)}{_members(response.outcome)}}}\n'
    )


def _trace(traceparent: str) -> str:
    return f'"trace_id": "{traceparent[3:35]}", ' if is_traceparent(traceparent) else ""


@cache
def _process() -> str:
    return (
        f'"service": {_text(settings.SERVICE_NAME)}, "version": {_text(settings.FRONTROW_RELEASE)}'
    )


def _members(outcome: RequestOutcome) -> str:
    named = zip(RequestOutcome._fields, outcome, strict=True)
    return "".join([f', "{name}": {_text(value)}' for name, value in named if value])


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _trace_all(batch: Iterable[LoggedResponse]) -> None:
    for response in batch:
        if response.arrival is not None:
            tracing.responded(
                response.arrival,
                request_id=response.request_id,
                method=response.method,
                route=response.view,
                status=response.status,
                code=response.outcome.code,
                ended=response.at,
                seconds=response.seconds,
            )


def _count_all(batch: Sequence[LoggedResponse]) -> None:
    alike: dict[tuple[str, str, int, str], list[LoggedResponse]] = {}
    for response in batch:
        kind = (response.view, response.method, response.status, response.transport)
        alike.setdefault(kind, []).append(response)
    for (view, method, status, transport), responses in alike.items():
        _counters(view, method, status, transport).count(responses)
        failed_responses.count(status, len(responses))


class _Counters:
    """django-prometheus' counters of one view, method, status and transport, looked up once."""

    def __init__(self, view: str, method: str, status: int, transport: str) -> None:
        metrics = Metrics.get_instance()
        self._ones = (
            metrics.requests_total,
            metrics.responses_total,
            metrics.requests_by_method.labels(method=method),
            metrics.requests_by_transport.labels(transport=transport),
            metrics.requests_by_view_transport_method.labels(
                view=view, transport=transport, method=method
            ),
            metrics.responses_by_status.labels(status=str(status)),
            metrics.responses_by_status_view_method.labels(
                status=str(status), view=view, method=method
            ),
            metrics.responses_by_charset.labels(charset="utf-8"),
            metrics.responses_by_templatename.labels(templatename="None"),  # as for DRF's responses
        )
        self._seconds = (
            metrics.requests_latency_before,
            metrics.requests_latency_by_view_method.labels(view=view, method=method),
        )
        self._received, self._sent = metrics.requests_body_bytes, metrics.responses_body_bytes

    def count(self, responses: Sequence[LoggedResponse]) -> None:
        for counter in self._ones:
            counter.inc(len(responses))
        for histogram in self._seconds:
            _observe_all(histogram, [response.seconds for response in responses])
        _observe_all(self._received, [response.received for response in responses])
        _observe_all(self._sent, [response.sent for response in responses])


@cache
def _counters(view: str, method: str, status: int, transport: str) -> _Counters:
    return _Counters(view, method, status, transport)


def _observe_all(histogram: Histogram, amounts: Iterable[float]) -> None:
    """Do what `Histogram.observe` does for each amount, with one step a bucket.

    prometheus_client has no such call (Note [Private attributes]); a test holds the two equal.
    """
    amounts = list(amounts)
    histogram._sum.inc(sum(amounts))
    places = [bisect_left(histogram._upper_bounds, amount) for amount in amounts]
    for place in set(places):
        histogram._buckets[place].inc(places.count(place))
