"""Log records that say when, in UTC, and which request they belong to."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from kernel.telemetry import context


class CorrelationFilter(logging.Filter):
    """Put the running request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = context.current().request_id
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


class DiscreetFilter(logging.Filter):
    """Keep values of rows out of messages, and traces of what strangers can cause at will."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
        message = record.getMessage()
        if "\n" in message:
            shown = without_values(message)
            if shown != message:
                record.msg, record.args = shown, ()
        return True


class TextFormatter(logging.Formatter):
    """Lines for a developer's screen."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return without_values(super().formatException(ei))


class JsonFormatter(_JsonFormatter):
    """One JSON object a line; the time as RFC 3339 in UTC with milliseconds."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return without_values(str(super().formatException(ei)))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
