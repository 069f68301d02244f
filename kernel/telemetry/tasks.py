"""Celery tasks: their correlation, logs and metrics.

A task carries the request id and `traceparent` of its sender in its message headers; one without
(sent by beat) gets new ones, so that the lines of one run belong together.
"""

import logging.config
import time
from contextlib import ExitStack, suppress
from typing import Any

from celery import signals
from django.conf import settings
from prometheus_client import Counter, Histogram
from redis.exceptions import RedisError

from kernel import clock
from kernel.telemetry import context, tracing
from kernel.telemetry.dependencies import broker_client
from kernel.telemetry.exposition import serve

runs = Counter("frontrow_task_runs_total", "Task runs, by outcome", ["task", "state"])
waited = Histogram(
    "frontrow_task_wait_seconds",
    "From sending to the start of the run",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30, 300),
)

_ADOPTED, _SPAN = "frontrow_correlation", "frontrow_span"
BEAT_KEY = "frontrow:beat"


def connect() -> None:
    """Connect to Celery's signals; config/celery.py calls it once."""
    # At celeryd_init already: Celery warns before it sets up logging.
    signals.celeryd_init.connect(_configure_logging, weak=False)
    signals.setup_logging.connect(_configure_logging, weak=False)
    signals.before_task_publish.connect(_send_correlation, weak=False)
    signals.task_prerun.connect(_adopt_correlation, weak=False)
    signals.task_postrun.connect(_leave_correlation, weak=False)
    signals.celeryd_init.connect(_serve_metrics, weak=False)
    signals.beat_init.connect(_watch_beat, weak=False)


def _configure_logging(**_: Any) -> None:
    logging.config.dictConfig(settings.LOGGING)
    logging.captureWarnings(True)


def _send_correlation(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is None:
        return
    headers["sent_at"] = clock.now().timestamp()
    correlation = context.current()
    if correlation.request_id:
        headers["request_id"] = correlation.request_id
        headers["traceparent"] = correlation.traceparent


def _adopt_correlation(task: Any, **_: Any) -> None:
    request = task.request
    sent_at = request.get("sent_at")
    if isinstance(sent_at, (int, float)):
        waited.labels(task.name).observe(max(0.0, clock.now().timestamp() - sent_at))
    sender = request.get("traceparent")
    correlation = context.received(request.get("request_id"), sender)
    if correlation.traceparent != sender:  # beat's: the trace begins here
        correlation = correlation._replace(traceparent=tracing.root_of(correlation.traceparent))
    blocks = ExitStack()
    blocks.enter_context(context.correlated(correlation))
    span = blocks.enter_context(tracing.span(f"task {task.name}", tracing.CONSUMER, task=task.name))
    request.update({_ADOPTED: blocks, _SPAN: span})


def _leave_correlation(task: Any, state: str | None = None, **_: Any) -> None:
    runs.labels(task.name, state or "UNKNOWN").inc()
    blocks, span = task.request.get(_ADOPTED), task.request.get(_SPAN)
    if span is not None and state is not None:
        span.set(outcome=state)
    if blocks is not None:
        blocks.close()


def _watch_beat(**_: Any) -> None:
    """Note in the broker when this process, which is beat, sends a task; serve its metrics."""
    if settings.BEAT_METRICS_PORT:
        serve(settings.BEAT_METRICS_PORT)
    ticks = Ticks()
    signals.after_task_publish.connect(ticks.write_down, weak=False)


class Ticks:
    """The time of beat's last task, kept where tasks are: without a broker nothing ticks."""

    def __init__(self) -> None:
        self._noted_at = float("-inf")

    def write_down(self, **_: Any) -> None:
        """Write down that a task was sent just now, at most once a second."""
        if time.monotonic() - self._noted_at < 1:
            return
        with suppress(RedisError):
            broker_client().set(BEAT_KEY, clock.now().timestamp())
            self._noted_at = time.monotonic()


def _serve_metrics(sender: str, **_: Any) -> None:
    """Serve this worker's metrics on the port its name has in WORKER_METRICS_PORTS."""
    port = settings.WORKER_METRICS_PORTS.get(sender.partition("@")[0])
    if port:
        serve(port)
