"""What is written to the security log meanwhile."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from kernel.telemetry.logs import CorrelationFilter, JsonFormatter

_OF_THE_LINE = {
    *("time", "level", "logger", "message", "service", "version"),
    *("request_id", "trace_id"),
}


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        form = settings.LOGGING["formatters"]["json"]
        self.addFilter(CorrelationFilter())
        self.setFormatter(JsonFormatter(form["format"], rename_fields=form["rename_fields"]))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Recorded:
    """The lines so far."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    @property
    def lines(self) -> list[str]:
        """Return the lines as they were written."""
        return list(self._kept.lines)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the members of each line that are the event's own."""
        whole = [json.loads(line) for line in self._kept.lines]
        return [
            {name: value for name, value in line.items() if name not in _OF_THE_LINE}
            for line in whole
        ]


@contextmanager
def security_events() -> Iterator[Recorded]:
    """Collect what the block records."""
    kept = _Kept()
    logger = logging.getLogger("frontrow.security")
    logger.addHandler(kept)
    try:
        yield Recorded(kept)
    finally:
        logger.removeHandler(kept)
