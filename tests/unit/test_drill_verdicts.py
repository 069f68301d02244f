"""What a drill's history says, and the verdict over it."""

import math

import pytest

from drills.archive_away import gaps
from drills.drill import DrillLimit, GuardEdit
from drills.guards import GuardNotFound, copy_without
from drills.verdict import (
    DrillVerdict,
    acknowledged,
    errors_of,
    lost,
    missed,
    outages,
    verdict_of,
)
from proof.history.recorded import FAIL, OK, UNKNOWN, FinalState, Operation


def ended(op: str, at: float, outcome: str = OK, status: int = 200, **more) -> Operation:
    return Operation(1, op, at - 0.1, outcome, at, status=status, **more)


def test_an_outage_is_the_longest_time_without_an_acknowledgement():
    history = [ended("hold", at) for at in (1.0, 2.0, 2.5, 7.0, 9.5)]
    history += [ended("hold", 4.0, UNKNOWN, 503), ended("hold", 5.0, FAIL, 409)]
    assert outages(history, begun=0.0, until=10.0)["hold"] == 4.5


def test_an_outage_counts_from_the_beginning_and_to_the_end_of_the_load():
    history = [ended("hold", 6.0), ended("pay", 2.0), ended("join", 30.0)]
    found = outages(history, begun=0.0, until=10.0)
    assert (found["hold"], found["pay"]) == (6.0, 8.0)
    assert found["join"] == 10.0, "what came through afterwards ends no outage"


def test_errors_are_what_was_not_served():
    history = [
        ended("hold", 1.0, UNKNOWN, 503, code="busy"),
        ended("hold", 2.0, UNKNOWN, 503, code="busy"),
        ended("hold", 3.0, FAIL, 409, code="seats_taken"),
        ended("join", 4.0, UNKNOWN, 0),
        ended("pay", 5.0),
    ]
    assert errors_of(history) == {"hold 503 busy": 2, "join no reply": 1}


def test_a_payment_that_was_acknowledged_and_is_not_there_is_lost():
    history = [
        ended("pay", 1.0, payment_id="kept"),
        ended("pay", 2.0, payment_id="gone"),
        ended("pay", 2.5, payment_id="gone"),
        ended("pay", 3.0, UNKNOWN, 503, payment_id="never said"),
        ended("hold", 4.0),
    ]
    final = FinalState(at=9.0, payments={"kept": "a reservation"})
    assert lost(history, final) == ["payment gone was acknowledged and is gone"]
    assert acknowledged(history) == 4


def test_a_figure_at_its_limit_meets_it_and_one_that_is_no_number_does_not():
    limits = [DrillLimit("hold", 5.0), DrillLimit("pay", 5.0), DrillLimit("join", 5.0)]
    found = missed({"hold": 5.0, "pay": 5.01, "join": math.nan}, limits)
    assert [sentence.split()[0] for sentence in found] == ["pay", "join"]


@pytest.mark.parametrize(
    ("broken", "missed_ones", "late", "verdict"),
    [
        ([], [], [], DrillVerdict.HELD),
        ([], ["slow"], [], DrillVerdict.MISSED),
        ([], ["slow"], ["late"], DrillVerdict.LATE),
        (["lost"], ["slow"], ["late"], DrillVerdict.BROKEN),
    ],
)
def test_what_is_broken_counts_before_what_is_late_or_slow(broken, missed_ones, late, verdict):
    assert verdict_of(broken=broken, missed=missed_ones, late=late) is verdict


def test_a_copy_lacks_the_guard_and_a_guard_that_moved_is_noticed(tmp_path):
    path = "queueing/lua/queue_room.lua"
    guard = "if not run or run ~= current_run() then"
    another = GuardEdit(path, "local function current_run()", "local function some_run()")
    copy = copy_without([GuardEdit(path, guard, "if not run then"), another], tmp_path / "copy")
    text = (copy / path).read_text()
    assert guard not in text  # both edits of one file are there
    assert "local function some_run()" in text
    assert (copy / "manage.py").is_file()
    with pytest.raises(GuardNotFound, match="queue_room"):
        copy_without([GuardEdit(path, "no such line", "")], tmp_path / "other")


def test_an_archive_has_a_file_at_each_place_whatever_the_timeline():
    def archived(*names: str) -> list[str]:
        return [f"site/frontrow-7/wals/{name[:16]}/{name}.lz4" for name in names]

    first, second, third = (
        f"0000000{line}00000000000000{place}" for line, place in ((1, "FE"), (1, "FF"), (2, "FF"))
    )
    following = "000000020000000100000000"
    assert gaps(archived(first, second, third, following)) == []
    assert gaps(archived(first, third, following)) == []
    assert len(gaps(archived(first, following))) == 1
    assert gaps(["site/frontrow-7/base/20261127T000000/data.tar"]) == ["the archive has no file"]
