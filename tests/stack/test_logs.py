"""Logs are followed by whole lines and don't grow for ever."""

import pytest

from stack.logs import Follower, is_warning, rotate, tail


def test_whole_lines_come_with_their_name(tmp_path):
    api, kafka = tmp_path / "api.log", tmp_path / "kafka.log"
    api.write_text("from an earlier run\n")
    follower = Follower({"api": api, "kafka": kafka})
    assert follower.lines() == []
    with api.open("a") as file:
        file.write("one\ntw")
    kafka.write_text("born\n")
    assert follower.lines() == ["api   | one", "kafka | born"]
    with api.open("a") as file:
        file.write("o\n")
    assert follower.lines() == ["api   | two"]


def test_a_log_that_is_cut_is_read_from_its_new_start(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x" * 100 + "\n")
    follower = Follower({"a": log})
    log.write_text("new\n")
    assert follower.lines() == ["a | new"]


def test_a_log_moves_aside_once_it_is_large_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)
        rotate(log, largest=100)
        assert log.stat().st_size == 40
        rotate(log, largest=30)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "a.log.1").read_text() == "old\n" * 10


def test_the_end_of_a_log(tmp_path):
    log = tmp_path / "a.log"
    assert tail(log) == []
    log.write_text("".join(f"{number}\n" for number in range(1000)))
    assert tail(log, 2) == ["998", "999"]


@pytest.mark.parametrize(
    "line",
    [
        '{"time": "2026-01-01T00:00:00.000Z", "level": "WARNING", "message": "lost"}',
        '{"time": "2026-01-01T00:00:00.000Z", "level": "CRITICAL", "message": "x"}',
        '{"time":"2026-01-01T00:00:00.000Z","level":"ERROR","message":"x"}',
    ],
)
def test_warnings_are_known_by_their_level(line):
    assert is_warning(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"time": "2026-01-01T00:00:00Z", "level": "INFO", "message": "\\"level\\": \\"ERROR\\""}',
        '{"time":"2026-01-01T00:00:00.000Z","level":"INFO","message":"ready"}',
        "",
    ],
)
def test_other_lines_are_no_warnings(line):
    assert not is_warning(line)
