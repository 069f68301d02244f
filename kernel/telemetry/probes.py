"""Probes: functions run side by side under one time limit, without waiting for those that hang."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from django.db import connections

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """A probe that raised or did not return in time."""

    reason: str


class Probes:
    """Run named functions side by side under one time limit.

    A probe that hung last time is not started again while it still runs: a frozen server costs one
    thread, not one a call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def run(self, probes: Mapping[str, Callable[[], Any]], *, seconds: float) -> dict[str, Any]:
        """Return each probe's result, or `Failed`, within about `seconds`."""
        with self._lock:
            futures = {name: self._start(name, probe) for name, probe in probes.items()}
        deadline = time.monotonic() + seconds
        return {name: _outcome(name, future, deadline) for name, future in futures.items()}

    def _start(self, name: str, probe: Callable[[], Any]) -> "Future[Any]":
        running = self._running.get(name)
        if running is not None and not running.done():
            return running
        future: Future[Any] = Future()
        self._running[name] = future
        threading.Thread(
            target=_run, args=(future, probe), name=f"probe-{name}", daemon=True
        ).start()
        return future


def _run(future: "Future[Any]", probe: Callable[[], Any]) -> None:
    try:
        future.set_result(probe())
    except Exception as error:  # noqa: BLE001  (whatever it is, it is this probe's result)
        future.set_exception(error)
    finally:
        # The thread ends here: its connection goes back to the pool.
        connections.close_all()


def _outcome(name: str, future: "Future[Any]", deadline: float) -> Any:
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return Failed("no answer in time")
    except Exception as error:  # noqa: BLE001  (reported as the dependency's state)
        log.info("probe failed", extra={"probe": name, "error": repr(error)})
        return Failed(type(error).__name__)
