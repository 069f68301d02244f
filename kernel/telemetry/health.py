"""Health: whether this process is ready for requests, and the state of every dependency.

Readiness is about this process. It is not ready only while it starts, drains or is misconfigured,
once the primary has been unavailable longer than a limit, or while the host's clock is further from
the primary's than a limit. A dependency without which Frontrow merely degrades is listed and
changes nothing: taking every API process out of service would turn a slower sale into none.

Note [Health of every process]
An orchestrator asks each process the same three things: whether it lives (nobody else is asked),
whether the database fits its code (it has started), and whether it is ready. The API responds as
`/healthz/*`, the service fastpath on its own port, and a process without requests on the port of
its metrics (`process_health.py`). These look at what readiness needs alone, not at every
dependency: there are many of them, and one API's list is enough.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from kernel import clock
from kernel.db import primary_clock
from kernel.telemetry.probes import Failed, Probes

PROBE_SECONDS = 1.0
CACHE_SECONDS = 1.0

State = Literal["ok", "warning", "down", "off"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """The state of one dependency, with the reason where it is not `ok`."""

    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The verdict on this process and the state of its dependencies."""

    ready: bool
    reason: str
    dependencies: dict[str, Dependency]


class Health:
    """The health of this process, measured at most once a second.

    `parts`: the dependencies to look at, by their names in settings.HEALTH_PARTS, the primary among
    them; all of these where None.
    """

    def __init__(self, parts: Collection[str] | None = None) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._probes = Probes()
        self._report: HealthReport | None = None
        self._measured_at = float("-inf")
        self._primary_seen_at = time.monotonic()
        self._started = False

    def report(self) -> HealthReport:
        """Return the state of everything, at most `CACHE_SECONDS` old."""
        with self._lock:
            if self._report is None or time.monotonic() - self._measured_at > CACHE_SECONDS:
                self._report = self._measure()
                self._measured_at = time.monotonic()
            return self._report

    def has_started(self) -> bool:
        """Say whether every migration this code knows is applied; once true it stays true."""
        if not self._started:
            results = self._probes.run({"migrations": _is_migrated}, seconds=PROBE_SECONDS * 3)
            self._started = results["migrations"] is True
        return self._started

    def _measure(self) -> HealthReport:
        probes: dict[str, Callable[[], Any]] = {
            name: partial(import_string(path), now=clock.now())
            for name, path in settings.HEALTH_PARTS.items()
            if self._parts is None or name in self._parts
        }
        results = self._probes.run(probes, seconds=PROBE_SECONDS)
        dependencies = {
            name: Dependency("down", result.reason) if isinstance(result, Failed) else result
            for name, result in results.items()
        }
        if dependencies["primary"].state == "ok":
            self._primary_seen_at = time.monotonic()
        reason = self._objection()
        return HealthReport(ready=not reason, reason=reason, dependencies=dependencies)

    def _objection(self) -> str:
        """Return why requests should go elsewhere, or nothing."""
        if settings.DRAIN_FILE and Path(settings.DRAIN_FILE).exists():
            return "draining"
        unseen = time.monotonic() - self._primary_seen_at
        if unseen > settings.PRIMARY_AWAY_LIMIT_SECONDS:
            return f"primary unavailable for {unseen:.0f} s"
        if not self.has_started():
            return "starting"
        offset = primary_clock.offset()
        if offset is not None and abs(offset) > (
            settings.CLOCK_OFFSET_LIMIT_SECONDS + primary_clock.error()
        ):
            return f"clock {clock_offset_in_words(offset)}"
        try:
            for path in settings.CONFIGURATION_CHECKS:
                import_string(path)()
        except (ImproperlyConfigured, OSError, ValueError) as error:
            return f"misconfigured: {error}"
        return ""


def clock_offset_in_words(offset: float) -> str:
    """Say how this host's clock stands to the primary's; `offset` as of `primary_clock`."""
    return f"{abs(offset):.1f} s {'behind' if offset > 0 else 'ahead of'} the primary's"


def _is_migrated() -> bool:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


health = Health()
