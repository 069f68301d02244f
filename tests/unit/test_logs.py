"""Log lines are JSON, in UTC, and name their request."""

import json
import logging
import sys

import pytest
from django.conf import settings

from kernel.telemetry import context, logs
from kernel.telemetry.logs import CorrelationFilter, DiscreetFilter, JsonFormatter, TextFormatter


def line_of(record: logging.LogRecord) -> dict:
    form = settings.LOGGING["formatters"]["json"]
    CorrelationFilter().filter(record)
    DiscreetFilter().filter(record)
    options = {name: form[name] for name in ("rename_fields", "static_fields")}
    return json.loads(JsonFormatter(form["format"], **options).format(record))


def test_a_line_says_when_in_utc_who_and_for_which_request():
    record = logging.makeLogRecord(
        {"created": 1763717288.829, "levelname": "INFO", "name": "x", "msg": "done", "seats": 2}
    )
    trace = "0af7651916cd43dd8448eb211c80319c"
    with context.correlated(context.Correlation("request-1", f"00-{trace}-b7ad6b7169203331-00")):
        line = line_of(record)
    assert line == {
        "time": "2025-11-21T09:28:08.829Z",
        "level": "INFO",
        "logger": "x",
        "message": "done",
        "request_id": "request-1",
        "trace_id": trace,
        "service": "frontrow",
        "version": "dev",
        "seats": 2,
    }


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%s of %s seats", (1,)),
        ("%d seats", ("two",)),
        ("%(seats)s", ({"rows": 1},)),
        ("100 %", (1,)),
    ],
)
def test_arguments_that_do_not_fit_their_message_cost_no_request(message, arguments):
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, message, arguments, None)
    assert line_of(record)["message"] == message


ROW = (
    'duplicate key value violates unique constraint "accounts_user_email"\n'
    "DETAIL:  Key (email)=(fan@example.com) already exists.\nover two lines"
)
SYNTAX = "syntax error at or near \"x\"\nLINE 1: SELECT 'fan@example.com'\n                ^"


def raised(*errors: Exception) -> logging.LogRecord:
    """Return the record of a defect; each error but the first came up while handling the last."""
    try:
        try:
            raise errors[0]
        except ValueError as first:
            if len(errors) == 1:
                raise
            raise errors[1] from first
    except (ValueError, RuntimeError):
        return logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())


@pytest.mark.parametrize("text", [ROW, SYNTAX], ids=["row", "statement"])
def test_what_the_database_quotes_is_left_out_and_the_trace_stays(text):
    line = line_of(raised(ValueError(text), RuntimeError(text)))
    assert "fan@example.com" not in json.dumps(line)
    assert "over two lines" not in json.dumps(line)
    assert text.partition("\n")[0] in line["exc_info"]
    assert "RuntimeError" in line["exc_info"]
    assert line["exc_info"].count("Traceback") == 2
    shown = TextFormatter("%(message)s").format(raised(ValueError(text)))
    assert "fan@example.com" not in shown


def test_what_the_database_quotes_is_left_out_of_messages_too():
    record = logging.makeLogRecord({"name": "celery", "msg": "task failed: %s", "args": (ROW,)})
    assert line_of(record)["message"] == "task failed: " + ROW.partition("\n")[0]


def test_what_strangers_cause_has_no_trace():
    record = raised(ValueError("Invalid HTTP_HOST header: 'evil.example'."))
    record.name = "django.security.DisallowedHost"
    line = line_of(record)
    assert "exc_info" not in line or not line["exc_info"]


@pytest.mark.control
def test_control_without_the_rule_the_row_is_in_the_line(monkeypatch):
    monkeypatch.setattr(logs, "without_values", str)
    assert "fan@example.com" in json.dumps(line_of(raised(ValueError(ROW))))
