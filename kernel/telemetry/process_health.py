"""What a process says of itself to an orchestrator; see Note [Health of every process]."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from kernel.telemetry.health import Health

LIVE, STARTUP, READY = "/healthz/live", "/healthz/startup", "/healthz/ready"
PATHS = frozenset({LIVE, STARTUP, READY})
JSON = ("Content-Type", "application/json")
# What makes a process say no, and no more.
process_health = Health(("primary", "clock"))

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
IsAlive = Callable[[], bool]


def answer(path: str, *, health: Health = process_health) -> tuple[int, bytes]:
    """Return the status and the document of one of PATHS; may take seconds, but for LIVE."""
    if path == LIVE:
        return _said(True, "")
    if path == STARTUP:
        return _said(health.has_started(), "starting")
    report = health.report()
    return _said(report.ready, report.reason)


def beside(application: Wsgi, *, is_alive: IsAlive = lambda: True) -> Wsgi:
    """Return an application that answers PATHS by itself and leaves the rest to `application`.

    `is_alive` says whether the work of the process goes on; where it does not, LIVE is 503.
    """

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in PATHS:
            return application(environ, start_response)
        hangs = path == LIVE and not is_alive()
        status, document = _said(False, "hanging") if hangs else answer(path)
        line = "200 OK" if status == 200 else "503 Service Unavailable"
        length = ("Content-Length", str(len(document)))
        start_response(line, [JSON, length, ("Cache-Control", "no-store")])
        return [document]

    return respond


def _said(well: bool, reason: str) -> tuple[int, bytes]:
    said = {"status": "ok"} if well else {"status": "unavailable", "reason": reason}
    return 200 if well else 503, json.dumps(said).encode()
