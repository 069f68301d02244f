"""Log lines are JSON, in UTC, and name their request."""

import json
import logging

from django.conf import settings

from kernel.telemetry import context
from kernel.telemetry.logs import CorrelationFilter, JsonFormatter


def line_of(record: logging.LogRecord) -> dict:
    form = settings.LOGGING["formatters"]["json"]
    CorrelationFilter().filter(record)
    return json.loads(
        JsonFormatter(form["format"], rename_fields=form["rename_fields"]).format(record)
    )


def test_a_line_says_when_in_utc_who_and_for_which_request():
    record = logging.makeLogRecord(
        {"created": 1763717288.829, "levelname": "INFO", "name": "x", "msg": "done", "seats": 2}
    )
    with context.correlated(context.Correlation("request-1")):
        line = line_of(record)
    assert line == {
        "time": "2025-11-21T09:28:08.829Z",
        "level": "INFO",
        "logger": "x",
        "message": "done",
        "request_id": "request-1",
        "seats": 2,
    }
