"""What the measurement of the doors sends, for any number of tickets that it takes."""

import pytest

from bench import doors
from bench.__main__ import _parser
from tickets.policy import SCANS_AT_ONCE

NUMBERS = [doors.FEWEST, 100, 179, 180, 10_000, 33_400, 50_000]


def sent(tickets):
    scans = [
        {"code": str(nth), "performance_id": "one", "scan_id": str(nth), "gate": ""}
        for nth in range(tickets)
    ]
    return doors._requests(scans)


@pytest.mark.parametrize("tickets", NUMBERS)
def test_every_ticket_is_scanned_and_no_batch_is_empty_or_too_large(tickets):
    requests, scanned = sent(tickets)
    batches = [body["scans"] for kind, body in requests if kind == "batch"]
    alone = [body for kind, body in requests if kind == "scan"]
    assert {len(scans) for scans in batches} <= set(range(1, SCANS_AT_ONCE + 1))
    assert batches
    every = [scan["code"] for scan in [*alone, *(one for scans in batches for one in scans)]]
    assert len(every) == scanned
    assert set(every) == {str(nth) for nth in range(tickets)}


@pytest.mark.control
def test_control_one_batch_a_gate_is_too_large_for_many_tickets_and_empty_for_few():
    assert 50_000 * doors._OFFLINE / doors.GATES > SCANS_AT_ONCE
    assert round(100 * doors._OFFLINE) < doors.GATES


@pytest.mark.parametrize(
    "arguments", [["--tickets", "9"], ["--tickets", "100001"], ["--minutes", "0"]]
)
def test_a_number_that_cannot_be_measured_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        _parser().parse_args(["doors", *arguments])
    assert "from " in capsys.readouterr().err


def test_what_can_be_measured_is_taken():
    options = _parser().parse_args(["doors", "--tickets", "10", "--minutes", "0.5"])
    assert (options.tickets, options.minutes) == (10, 0.5)
