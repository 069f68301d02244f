"""What processes write reaches the log files whole and as JSON, also a flood."""

import json
import os
from collections.abc import Iterator

import pytest

from stack import log_pump
from stack.log_pump import LogPump
from stack.process import wait_until
from stack.states import State
from tests.stack.support import Script

LINE = '{{"time": "2026-01-01T00:00:00.000Z", "level": "INFO", "message": "{}"}}\n'


@pytest.fixture
def pump() -> Iterator[LogPump]:
    pump = LogPump("1.2")
    yield pump
    pump.close()


def read(log) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_what_a_process_says_is_in_its_log_as_json(stage, pump, tmp_path):
    script = Script("loud", "import sys, time; print('hello'); sys.stderr.write('WARNING: x\\n')")
    tiny = stage(script, pump=pump, restart=False)
    unit = tiny.start("loud")
    tiny.until(lambda: unit.state is State.FAILED)
    assert wait_until(lambda: len(read(tmp_path / "loud.log")) == 2, 10)
    said = {line["message"]: line for line in read(tmp_path / "loud.log")}
    assert said["hello"]["level"] == "INFO"
    assert said["x"]["level"] == "WARNING"
    assert {line["service"] for line in said.values()} == {"loud"}


def test_a_flood_arrives_whole_and_in_order(pump, tmp_path):
    log, count = tmp_path / "a.log", 20_000
    with pump.pipe("a", log) as pipe:
        for number in range(count):
            pipe.write(LINE.format(number).encode())
    assert wait_until(lambda: len(read(log)) == count, 20)
    assert [int(line["message"]) for line in read(log)] == list(range(count))


def test_a_file_of_a_server_is_followed_from_where_it_is_and_cut_when_large(
    pump, tmp_path, monkeypatch
):
    monkeypatch.setattr(log_pump, "LARGEST", 300)
    file, later, log = tmp_path / "old.json", tmp_path / "later.json", tmp_path / "a.log"
    file.write_text(LINE.format("before"))
    pump.follow(file, "a", log)
    pump.follow(file, "a", log)  # a server that starts again
    pump.follow(later, "a", log)
    with file.open("ab", buffering=0) as server, later.open("ab", buffering=0) as other:
        for number in range(4):
            server.write(LINE.format(number).encode())
        other.write(LINE.format("later").encode())
        assert wait_until(lambda: len(read(log)) == 5, 10)
        assert wait_until(lambda: os.stat(file).st_size == 0, 10)
        server.write(LINE.format("after the cut").encode())
        assert wait_until(lambda: len(read(log)) == 6, 10)
    assert {line["message"] for line in read(log)} == {
        *map(str, range(4)), "later", "after the cut",
    }  # fmt: skip


def test_what_was_written_before_the_end_is_not_lost(tmp_path):
    pump, log = LogPump("1.2"), tmp_path / "a.log"
    with pump.pipe("a", log) as pipe:
        pipe.write(b"last words, without an end of line")
    pump.close()
    assert [line["message"] for line in read(log)] == ["last words, without an end of line"]
