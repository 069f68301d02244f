"""Who is called: a webhook receiver for Alertmanager, on this machine alone."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stack.service import HOST

# Fires always: it says that the others could.
WATCHDOG = "Watchdog"


@dataclass(frozen=True, slots=True)
class AlertCall:
    """An alert as it was received: its name, what it is about, and when (monotonic s)."""

    name: str
    labels: tuple[tuple[str, str], ...]
    at: float
    resolved: bool


class AlertReceiver:
    """Keeps every alert that was sent, in the order in which they came."""

    def __init__(self) -> None:
        self._calls: list[AlertCall] = []
        self._lock = threading.Lock()

    def keep(self, message: object, at: float) -> None:
        """Keep the alerts of one webhook's body; raises KeyError and TypeError for another's."""
        found = [
            AlertCall(
                name=one["labels"]["alertname"],
                labels=tuple(sorted(one["labels"].items())),
                at=at,
                resolved=one["status"] == "resolved",
            )
            for one in message["alerts"]  # type: ignore[index]
        ]
        with self._lock:
            # A group is sent whole whenever one of it changes: what was known is no news.
            known = {call.labels: call.resolved for call in self._calls}
            self._calls += [one for one in found if known.get(one.labels, True) != one.resolved]

    def fired(self, since: float, until: float = float("inf")) -> list[AlertCall]:
        """Return the alerts that began to fire in that time, the dead man's switch aside."""
        with self._lock:
            return [
                one
                for one in self._calls
                if not one.resolved and since <= one.at < until and one.name != WATCHDOG
            ]

    def active(self, name: str) -> bool:
        """Say whether an alert of this name fires."""
        with self._lock:
            last = {one.labels: one.resolved for one in self._calls if one.name == name}
        return not all(last.values())

    def resolved_at(self, name: str, since: float) -> float | None:
        """Return when the last alert of this name ended; None while one fires or none ended."""
        if self.active(name):
            return None
        with self._lock:
            ends = [one.at for one in self._calls if one.name == name and one.resolved]
        return max((at for at in ends if at >= since), default=None)


@contextmanager
def listening(receiver: AlertReceiver) -> Iterator[str]:
    """Receive alerts while the context lasts; yield the URL to send them to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.monotonic()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                receiver.keep(json.loads(body), at)
                self.send_response(200)
            except (ValueError, KeyError, TypeError):
                self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the report does."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/alerts"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
