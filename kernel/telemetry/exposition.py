"""The metrics endpoint: every API process together, and the state of the system.

Counters of one process come from prometheus_client; with PROMETHEUS_MULTIPROC_DIR set (the API,
whose processes share one address) they are read from the files of all of them. State, such as
queue lengths, is collected at a scrape: each function named in settings.METRIC_COLLECTORS takes
`now` and returns metric families. They are called at most once in `METRIC_STATE_SECONDS`, side by
side; one that fails or hangs is reported by `frontrow_collector_up` and left out.

Note [One exporter of state]
Thirty API processes that all ask would ask everything thirty times. So one process may export state
(`manage.py state_metrics`), and `METRIC_STATE` turns it off in the API's /metrics.
"""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import AF_INET6
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from kernel import clock
from kernel.telemetry import process_health
from kernel.telemetry.probes import Failed, Probes

_COLLECT_SECONDS = 3.0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a scrape under way does not keep the process


class _ServerByIPv6(_Server):
    address_family = AF_INET6


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing: scrapes and probes come every few seconds."""


def serve(port: int, *, is_alive: process_health.IsAlive = lambda: True) -> None:
    """Serve this process's own metrics and health on `port` of settings.METRICS_HOST, in a thread.

    `is_alive`: as `process_health.beside` has it. Raises OSError where the port is taken.
    """
    host = settings.METRICS_HOST
    application = process_health.beside(make_wsgi_app(), is_alive=is_alive)
    server = make_server(
        host,
        port,
        application,
        server_class=_ServerByIPv6 if ":" in host else _Server,
        handler_class=_SilentHandler,
    )
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def serve_state(port: int) -> None:
    """Serve the state of the system, and this process's own metrics, on `port`, in a thread."""
    REGISTRY.register(_state)
    serve(port)


def render() -> bytes:
    """Return all metrics in text form; with the state where settings.METRIC_STATE says so."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    registry = CollectorRegistry()
    if settings.METRIC_STATE:  # Note [One exporter of state]
        registry.register(_state)
    if folder:
        _remove_dead_processes(Path(folder))
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY) + generate_latest(registry)


def _remove_dead_processes(folder: Path) -> None:
    """Remove the live gauges of processes that are gone; their counters must stay in the sums."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _StateSnapshot:
    taken_at: float  # monotonic seconds
    families: tuple[Metric, ...]


class StateCollector:
    """Collect the state of the apps, all at once and not too often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot = _StateSnapshot(float("-inf"), ())
        self._probes = Probes()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not query the databases."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the families of every collector, at most `METRIC_STATE_SECONDS` old."""
        with self._lock:
            if time.monotonic() - self._snapshot.taken_at > settings.METRIC_STATE_SECONDS:
                self._snapshot = _StateSnapshot(time.monotonic(), tuple(self._collect()))
            return self._snapshot.families

    def drop_snapshot(self) -> None:
        """Make the next scrape call every collector."""
        with self._lock:
            self._snapshot = _StateSnapshot(float("-inf"), ())

    def _collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "frontrow_collector_up", "1 if the collector answered", labels=["collector"]
        )
        results = self._probes.run(
            {path: partial(_families, path) for path in settings.METRIC_COLLECTORS},
            seconds=_COLLECT_SECONDS,
        )
        for path, result in results.items():
            failed = isinstance(result, Failed)
            up.add_metric([path], 0 if failed else 1)
            if not failed:
                yield from result
        yield up


def _families(path: str) -> tuple[Metric, ...]:
    return tuple(import_string(path)(now=clock.now()))


_state = StateCollector()


def forget_state() -> None:
    """Make the next `render` call every collector."""
    _state.drop_snapshot()
