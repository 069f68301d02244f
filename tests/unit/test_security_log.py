"""A security event is one bounded JSON line without personal data, and one count."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from select import PIPE_BUF
from uuid import UUID

import pytest

from kernel.telemetry import context, security_log
from tests.support.production import environment
from tests.support.security_events import security_events

ROOT = Path(__file__).resolve().parent.parent.parent
SOMEBODY = UUID("0192aaaa-0000-7000-8000-000000000001")


def count_of(event: str) -> float:
    return security_log.recorded.labels(event)._value.get()


def test_an_event_is_one_line_that_names_people_by_id_and_client_ip():
    with context.correlated(context.Correlation("request-1")), security_events() as recorded:
        security_log.record("login_failed", user_id=SOMEBODY, client_ip="192.0.2.7", failures=3)
    [line] = [json.loads(line) for line in recorded.lines]
    assert line["logger"] == "frontrow.security"
    assert line["request_id"] == "request-1"
    assert recorded.events == [
        {
            "event": "login_failed",
            "user_id": str(SOMEBODY),
            "client_ip": "192.0.2.7",
            "failures": 3,
        }
    ]


def test_an_event_is_counted_by_name():
    before = count_of("login_failed")
    security_log.record("login_failed")
    assert count_of("login_failed") == before + 1


def test_addresses_and_secrets_are_withheld():
    with security_events() as recorded:
        security_log.record(
            "login_failed", new_email="x", detail="fan@example.com", refresh_token="abc"
        )
    [event] = recorded.events
    assert [event[name] for name in ("new_email", "detail", "refresh_token")] == ["(withheld)"] * 3


@pytest.mark.parametrize(
    "value", ['"' * 10_000, "\n{}\n" * 3_000, "가" * 10_000, "\x00\x1b[31m" * 99]
)
def test_no_caller_makes_a_line_long_or_two_of_it(value):
    fields = {f"field_{number}": value for number in range(security_log.MOST_FIELDS)}
    with security_events() as recorded:
        security_log.record("login_failed", user_id=value, client_ip=value, **fields)
    [line] = recorded.lines
    assert len(line.encode()) < PIPE_BUF
    assert line.isprintable()


def test_an_unknown_event_is_a_defect_of_the_caller():
    with pytest.raises(ValueError, match="no security event"):
        security_log.record("something_happened")


def test_more_fields_than_a_line_bears_are_a_defect_of_the_caller():
    fields = {f"field_{number}": 1 for number in range(security_log.MOST_FIELDS + 1)}
    with pytest.raises(ValueError, match="too many"):
        security_log.record("login_failed", **fields)


def test_every_event_is_in_the_documents():
    text = (ROOT / "docs" / "metrics.md").read_text()
    section = text.partition("## Security log")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| \**`(\w+)`", section, re.MULTILINE)
    assert documented == list(security_log.EVENTS)


def test_every_event_is_one_that_the_product_records():
    own = Path(security_log.__file__)
    sources = [path for app in ROOT.glob("*/apps.py") for path in app.parent.rglob("*.py")]
    code = "".join(path.read_text() for path in sources if path != own)
    assert [event for event in security_log.EVENTS if f'"{event}"' not in code] == []


def test_the_line_is_json_and_written_whatever_the_settings_say_of_other_lines(tmp_path):
    program = (
        "import django; django.setup();"
        "from kernel.telemetry import security_log;"
        "security_log.record('login_failed', client_ip='192.0.2.7')"
    )
    quiet = environment(tmp_path, LOG_FORMAT="console", LOG_LEVEL="ERROR")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=quiet, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    [line] = done.stderr.splitlines()
    assert json.loads(line)["event"] == "login_failed"


def test_other_loggers_do_not_repeat_the_line():
    assert logging.getLogger("frontrow.security").propagate is False
