"""Whatever form a server's lines have, they become JSON objects, and lose what names people."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.log_lines import ServerLines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = ("time", "level", "logger", "message", "service", "version")
OURS = '{"time": "2026-01-01T00:00:00.000Z", "level": "INFO", "logger": "x", "message": "done"}'
POSTGRES = {
    "timestamp": "2026-11-27 07:18:19.925 UTC",
    "user": "postgres",
    "pid": 7,
    "error_severity": "LOG",
    "message": "ready",
    "detail": "Key (email)=(fan@example.com) already exists.",
    "statement": "SELECT 'fan@example.com'",
}
TRACE = (
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    run()\n\n'
    "psycopg.errors.UniqueViolation: duplicate key\n"
    "DETAIL:  Key (email)=(fan@example.com) already exists.\n"
)


def lines() -> ServerLines:
    return ServerLines("part", "1.2", lambda: NOW)


def read(text: str) -> list[dict]:
    taken = lines()
    return [json.loads(line) for line in (taken.take(text.encode()) + taken.flush()).splitlines()]


@pytest.mark.parametrize(
    ("text", "logger", "level", "message", "time"),
    [
        (
            'pid=7 role=x timestamp="2026-11-27T07:29:23.967+00:00" level=warning message="a"',
            *("valkey", "WARNING", "a", "2026-11-27T07:29:23.967Z"),
        ),
        (
            'pid=7 role=replica timestamp="2026-11-27T16:29:23.967+09:00" level=notice message="a"',
            *("valkey", "INFO", "a", "2026-11-27T07:29:23.967Z"),
        ),
        (
            "2026/11/27 07:18:17 [crit] 7#7: *1 open() failed, client: 10.0.0.9, server: _, "
            'request: "GET /x?code=1 HTTP/1.1", upstream: "http://127.0.0.1:8001/x?code=1"',
            *("nginx", "CRITICAL", "*1 open() failed", "2026-11-27T07:18:17.000Z"),
        ),
        (
            "2026-11-27 07:18:19.925 UTC [7] postgres@postgres psql 57P03 FATAL:  starting up",
            *("postgres", "CRITICAL", "starting up", "2026-11-27T07:18:19.925Z"),
        ),
        (json.dumps(POSTGRES), "postgres", "INFO", "ready", "2026-11-27T07:18:19.925Z"),
        (
            "2026-11-27 07:18:19,925 INFO: no action. I am (postgres-1), the leader",
            *("patroni", "INFO", "no action. I am (postgres-1), the leader"),
            "2026-11-27T07:18:19.925Z",
        ),
        (
            '{"level":"warn","ts":"2026-11-27T07:18:19.925Z","caller":"x.go:1","msg":"slow"}',
            *("etcd", "WARNING", "slow", "2026-11-27T07:18:19.925Z"),
        ),
        ("[WARNING] many threads", "part", "WARNING", "many threads", "2026-01-01T00:00:00.000Z"),
        ("warm shutdown", "part", "INFO", "warm shutdown", "2026-01-01T00:00:00.000Z"),
        ('{"half": ', "part", "INFO", '{"half":', "2026-01-01T00:00:00.000Z"),
        ("[1, 2]", "part", "INFO", "[1, 2]", "2026-01-01T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_a_line_says_the_same_as_json(text, logger, level, message, time):
    [line] = read(f"{text}\n")
    assert tuple(line)[:6] == EVERY
    assert (line["logger"], line["level"], line["message"], line["time"]) == (
        logger, level, message, time,
    )  # fmt: skip
    assert (line["service"], line["version"]) == ("part", "1.2")
    assert "fan@example.com" not in str(line)
    assert "code=1" not in str(line)
    assert "10.0.0.9" not in str(line)


def test_lines_of_our_own_pass_as_they_are():
    assert lines().take(f"{OURS}\n".encode()) == f"{OURS}\n".encode()


def test_an_uncaught_error_is_one_line_without_what_postgresql_quotes():
    before, error, after = read(f"{OURS}\n{TRACE}{OURS}\n")
    assert before == after == json.loads(OURS)
    assert error["message"] == "psycopg.errors.UniqueViolation: duplicate key"
    assert error["level"] == "ERROR"
    assert "run()" in error["exc_info"]
    assert "fan@example.com" not in str(error)


def test_a_line_of_indented_text_belongs_to_the_one_before():
    [line] = read("2026-11-27 07:18:19.925 UTC [7] LOG:  two\n\tlines\n")
    assert (line["message"], line["exc_info"]) == ("two", "\n\tlines")


@given(st.data())
def test_it_does_not_matter_in_which_pieces_it_comes(data):
    text = f"{OURS}\n{TRACE}worker: 대기열 done\n{json.dumps(POSTGRES)}\n".encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    whole, parts = lines(), lines()
    wanted = whole.take(text) + whole.flush()
    made = b"".join(
        parts.take(text[begin:end])
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
    )
    assert made + parts.flush() == wanted
