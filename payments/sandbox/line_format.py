"""The form of the sandbox's log lines: that of all processes (docs/logs.md)."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from pythonjsonlogger.json import JsonFormatter


class SandboxLineFormatter(JsonFormatter):
    """One JSON object a line; the time as RFC 3339 in UTC with milliseconds."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        at = datetime.fromtimestamp(record.created, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def configure(environment: Mapping[str, str]) -> None:
    """Write warnings and worse to stderr, in the name that the environment gives this process."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        SandboxLineFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={
                "service": environment.get("OTEL_SERVICE_NAME") or "sandbox",
                "version": environment.get("FRONTROW_RELEASE") or "dev",
            },
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
