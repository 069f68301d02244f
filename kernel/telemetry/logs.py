"""Log records: their time in UTC, their request and trace, and no values of rows."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from kernel import clock
from kernel.telemetry import context


class CorrelationFilter(logging.Filter):
    """Put the running request's id, and its trace's, on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        current = context.current()
        record.request_id = current.request_id
        record.trace_id = current.trace_id
        return True


# What PostgreSQL adds to an error's message, up to the end of that error: it quotes rows and
# statements.
_QUOTED = re.compile(
    r"\n(?:DETAIL|LINE \d+|CONTEXT|QUERY|HINT): .*?"
    r"(?=\n\n(?:The above exception|During handling)|\nTraceback |\Z)",
    re.DOTALL,
)


def without_values(text: str) -> str:
    """Return a message or trace without what PostgreSQL quotes in it.

    Our own log is no place for it either (Note [No values in the log], stack/postgres/settings.py).
    """
    return _QUOTED.sub("", text)


def _message_of(record: logging.LogRecord) -> str:
    """Return a record's message; without its arguments where they don't fit its format.

    A filter that raised would end the request or task that only wanted to log.
    """
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        record.args = ()  # they may hold values of rows
        return record.getMessage()


class DiscreetFilter(logging.Filter):
    """Keep values of rows out of messages, and traces of errors that anybody can cause."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
        message = _message_of(record)
        if "\n" in message:
            shown = without_values(message)
            if shown != message:
                record.msg, record.args = shown, ()
        return True


class TextFormatter(logging.Formatter):
    """Lines for a developer's screen."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return without_values(super().formatException(ei))


def line_format(service: str, version: str) -> dict[str, Any]:
    """Return the formatter of every process's lines, in the form of `logging.config`."""
    return {
        "()": "kernel.telemetry.logs.JsonFormatter",
        "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(trace_id)s",
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        "static_fields": {"service": service, "version": version},
    }


class JsonFormatter(_JsonFormatter):
    """One JSON object a line; the time as RFC 3339 in UTC with milliseconds.

    `request_id` and `trace_id` are left out where there is no request.
    """

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is empty."""
        for name in ("request_id", "trace_id"):
            if not log_data.get(name):
                log_data.pop(name, None)
        return log_data

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return without_values(str(super().formatException(ei)))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return clock.as_text(datetime.fromtimestamp(record.created, UTC))
