"""What is written down about an answer: its access line, and its request metrics.

Note [Answers in batches]
A line in the log and nineteen steps of django-prometheus' counters cost more than a lean answer
itself, and every one takes a lock that all threads of the process share. So a lean answer is only
noted here, and one thread a process writes down what was noted, ten times a second: lines in few
writes, and each counter once a batch. What a killed process had noted within the last tenth of
a second is lost, as are lines still in a log shipper's buffer; a process that ends in order
writes down the rest.
"""

import json
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
from multiprocessing.util import Finalize
from select import PIPE_BUF
from typing import NamedTuple

from django.conf import settings
from django_prometheus.middleware import Metrics
from prometheus_client import Counter, Histogram

from kernel.telemetry.context import Correlation, correlated

log = logging.getLogger("frontrow.access")

_text = json.JSONEncoder(ensure_ascii=False).encode
_PAUSE_SECONDS = 0.1

forgotten = Counter(
    "frontrow_answers_forgotten_total",
    "Answers neither logged nor counted: the log was not taken in time",
)


class Outcome(NamedTuple):
    """What became of a request; empty what doesn't apply, and left out of the line."""

    code: str = ""  # of the problem document
    user_id: str = ""
    hold_outcome: str = ""  # a label value of frontrow_holds_total

    def fields(self) -> dict[str, str]:
        """Return the members of the access line."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value}


NO_OUTCOME = Outcome()


class Answer(NamedTuple):
    """One answered request; `at` in seconds since the Unix epoch, sizes in bytes."""

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
    outcome: Outcome = NO_OUTCOME


# Bounded: a log that nobody takes must not take the memory.
_noted: deque[Answer] = deque(maxlen=100_000)
_writing = threading.Lock()
_writer_of = 0  # process id
_starting = threading.Lock()


def note(answer: Answer) -> None:
    """Write an answer down within a tenth of a second or so."""
    if len(_noted) == _noted.maxlen:
        forgotten.inc()
    _noted.append(answer)
    if _writer_of != os.getpid():
        _start()


def flush() -> None:
    """Write down now what has been noted."""
    with _writing:
        batch = [_noted.popleft() for _ in range(len(_noted))]
        if batch:
            _log_all(batch)
            _count_all(batch)


def log_access(method: str, path: str, status: int, started: float, outcome: Outcome) -> None:
    """Write the access line of a request that came in at `started` (`time.perf_counter`)."""
    _log(method, path, status, time.perf_counter() - started, outcome)


def _start() -> None:
    global _writer_of  # noqa: PLW0603  (one thread a process)
    with _starting:
        if _writer_of == os.getpid():
            return
        _writer_of = os.getpid()
        threading.Thread(target=_write_forever, name="answers", daemon=True).start()
        Finalize(None, flush, exitpriority=0)  # children of multiprocessing run no atexit


def _write_forever() -> None:
    while True:
        time.sleep(_PAUSE_SECONDS)
        try:
            flush()
        except Exception:
            log.exception("answers not written down")


def _log(method: str, path: str, status: int, seconds: float, outcome: Outcome) -> None:
    fields = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 1)}
    log.info("request", extra=fields | outcome.fields())


def _log_all(batch: Sequence[Answer]) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    if settings.LOG_FORMAT == "json":
        for lines in _together([_line(answer) for answer in batch]):
            sys.stderr.write(lines)
        return
    for answer in batch:
        with correlated(Correlation(answer.request_id)):
            _log(answer.method, answer.path, answer.status, answer.seconds, answer.outcome)


def _together(lines: Sequence[str]) -> Iterator[str]:
    """Join lines up to what a pipe takes in one piece: the processes of the API share one."""
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


def _line(answer: Answer) -> str:
    """Return the line that the formatter of settings.LOGGING makes, at a tenth of its price."""
    second, milliseconds = divmod(int(answer.at * 1000), 1000)
    return (
        f'{{"time": "{_second(second)}.{milliseconds:03}Z", "level": "INFO", '
        f'"logger": "frontrow.access", "message": "request", '
        f'"request_id": {_text(answer.request_id)}, "method": {_text(answer.method)}, '
        f'"path": {_text(answer.path)}, "status": {answer.status}, '
        f'"ms": {round(answer.seconds * 1000, 1)}{_members(answer.outcome)}}}\n'
    )


def _members(outcome: Outcome) -> str:
    return "".join(f', "{name}": {_text(value)}' for name, value in outcome.fields().items())


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _count_all(batch: Sequence[Answer]) -> None:
    alike: dict[tuple[str, str, int, str], list[Answer]] = {}
    for answer in batch:
        kind = (answer.view, answer.method, answer.status, answer.transport)
        alike.setdefault(kind, []).append(answer)
    for (view, method, status, transport), answers in alike.items():
        _counters(view, method, status, transport).count(answers)


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
            metrics.responses_by_templatename.labels(templatename="None"),  # as for DRF's answers
        )
        self._seconds = (
            metrics.requests_latency_before,
            metrics.requests_latency_by_view_method.labels(view=view, method=method),
        )
        self._received, self._sent = metrics.requests_body_bytes, metrics.responses_body_bytes

    def count(self, answers: Sequence[Answer]) -> None:
        for counter in self._ones:
            counter.inc(len(answers))
        for histogram in self._seconds:
            _observe_all(histogram, [answer.seconds for answer in answers])
        _observe_all(self._received, [answer.received for answer in answers])
        _observe_all(self._sent, [answer.sent for answer in answers])


@cache
def _counters(view: str, method: str, status: int, transport: str) -> _Counters:
    return _Counters(view, method, status, transport)


def _observe_all(histogram: Histogram, amounts: Iterable[float]) -> None:
    """Do what `Histogram.observe` does for each amount, with one step a bucket.

    prometheus_client has no such call; a test holds the two equal.
    """
    amounts = list(amounts)
    histogram._sum.inc(sum(amounts))
    places = [bisect_left(histogram._upper_bounds, amount) for amount in amounts]
    for place in set(places):
        histogram._buckets[place].inc(places.count(place))
