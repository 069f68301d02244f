"""Responses are logged in batches, as if each had been logged alone."""

import json
import logging
import multiprocessing
import sys
from collections import deque
from select import PIPE_BUF

import pytest
from prometheus_client import CollectorRegistry, Histogram

from kernel.telemetry import access_log
from kernel.telemetry.context import Correlation, correlated
from tests.unit.test_logs import line_of

RESPONSE = access_log.LoggedResponse(
    at=1763717288.829,
    request_id="request-1",
    method="GET",
    path='/api/v1/"한국"/',
    view="queue",
    transport="http",
    status=200,
    seconds=0.01234,
    received=0,
    sent=120,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
)
REFUSED = RESPONSE._replace(
    status=409,
    outcome=access_log.RequestOutcome(
        code="seat_taken",
        user_id="0192aaaa-0000-7000-8000-000000000001",
        hold_outcome="refused_by_gate",
    ),
)


@pytest.fixture
def json_lines(settings):
    settings.LOG_FORMAT = "json"
    access_log.flush()


@pytest.mark.parametrize("response", [RESPONSE, REFUSED], ids=["fine", "refused"])
def test_a_line_is_that_of_the_log(json_lines, capsys, response):
    record = logging.makeLogRecord(
        {
            "created": response.at,
            "levelname": "INFO",
            "name": "frontrow.access",
            "msg": "request",
            "method": response.method,
            "path": response.path,
            "status": response.status,
            "ms": 12.3,
            **response.outcome.fields(),
        }
    )
    with correlated(Correlation("request-1", response.traceparent)):
        wanted = line_of(record)
    access_log.record_response(response)
    access_log.flush()
    written = json.loads(capsys.readouterr().err)
    assert written == wanted
    assert list(written) == list(wanted)


def test_a_line_says_what_became_of_the_request_and_leaves_out_what_does_not_apply(
    json_lines, capsys
):
    access_log.record_response(RESPONSE)
    access_log.record_response(REFUSED)
    access_log.flush()
    fine, refused = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert not {"code", "user_id", "hold_outcome"} & fine.keys()
    assert refused["code"] == "seat_taken"
    assert refused["user_id"] == "0192aaaa-0000-7000-8000-000000000001"
    assert refused["hold_outcome"] == "refused_by_gate"


def test_below_its_level_nothing_is_written(json_lines, capsys):
    log = logging.getLogger("frontrow.access")
    log.setLevel(logging.WARNING)
    try:
        access_log.record_response(RESPONSE)
        access_log.flush()
    finally:
        log.setLevel(logging.NOTSET)
    assert capsys.readouterr().err == ""


def test_no_line_is_torn_where_processes_share_a_pipe(json_lines, monkeypatch):
    written = []
    monkeypatch.setattr(sys, "stderr", type("Pipe", (), {"write": staticmethod(written.append)}))
    for number in range(100):
        access_log.record_response(RESPONSE._replace(request_id=f"request-{number}"))
    access_log.flush()
    assert len(written) < 20
    assert max(len(piece.encode()) for piece in written) <= PIPE_BUF
    assert all(piece.endswith("\n") for piece in written)
    ids = [json.loads(line)["request_id"] for line in "".join(written).splitlines()]
    assert ids == [f"request-{number}" for number in range(100)]


def test_many_observations_at_once_are_the_same_as_one_by_one():
    amounts = [0.0, 0.005, 0.0051, 0.1, 3.0, 10.0, 11.0, 500.0, 0.1]

    def histogram(name):
        registry = CollectorRegistry()
        made = Histogram(name, "as said", buckets=(0.005, 0.1, 10.0), registry=registry)
        return made, lambda: [
            (sample.name, sample.labels, pytest.approx(sample.value))
            for family in registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]

    one, seen_by_one = histogram("seconds")
    other, seen_by_other = histogram("seconds")
    for amount in amounts:
        one.observe(amount)
    access_log._observe_all(other, amounts)
    assert seen_by_other() == seen_by_one()


def test_a_log_that_nobody_reads_does_not_fill_the_memory(json_lines, monkeypatch, capsys):
    monkeypatch.setattr(access_log, "_queued", deque(maxlen=3))
    monkeypatch.setattr(access_log, "_start", lambda: None)
    before = access_log.dropped._value.get()
    for number in range(5):
        access_log.record_response(RESPONSE._replace(request_id=f"request-{number}"))
    access_log.flush()
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["request_id"][-1] for line in lines] == ["2", "3", "4"]
    assert access_log.dropped._value.get() == before + 2


def _respond_and_end():
    access_log.record_response(RESPONSE)


def test_a_process_that_ends_in_order_logs_the_rest(json_lines, capfd):
    child = multiprocessing.get_context("fork").Process(target=_respond_and_end)
    child.start()
    child.join(20)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert [json.loads(line)["request_id"] for line in lines] == ["request-1"]
