"""The history of a rehearsal has what each check looks at, or a reason why it has not."""

from dataclasses import replace

import pytest

from proof.history.checker import CHECKS, contradictions
from proof.history.recorded import FinalState, History, Operation, members_of
from proof.rush.faults import RECOVERY_SECONDS, RushFault
from proof.rush.seen import complete_history, reasons_without_data, with_recovery

BEGUN = 100.0
SALE = {"most_each": 4, "payment_seconds": 300, "rate": 10.0, "capacity": 20}
FINAL = FinalState(
    at=170.0,
    seats={"s1": "R", "s2": "A"},
    owners={"s1": "r1"},
    tickets=(("r1", "s1"),),
    balances={"ann": 4000},
    payments={"p1": "r1"},
    outbox=("e1",),
    published=("e1",),
)
FAULT = RushFault(1.0, "kill", "lock", 2.0)


def op(kind: str, second: float, **members) -> Operation:
    facts = {"status": 200, "user_id": "ann", "outcome": "ok"} | members
    return Operation(1, kind, BEGUN + second, ended=BEGUN + second + 0.1, **facts)


BOUGHT = (
    op("join", 0.1, number=1, state="ADMITTED", until=BEGUN + 600),
    op("hold", 0.5, reservation_id="r1", seat_ids=("s1",), amount=1000, until=BEGUN + 30, key="a"),
    op("pay", 0.7, reservation_id="r1", seat_ids=("s1",), amount=1000, payment_id="p1", key="b"),
    op("look", 0.9, reservation_id="r1", state="CONFIRMED"),
    op("list", 60.0),
)


def complete(*operations: Operation, faults=(FAULT,), final=FINAL, **changes) -> History:
    return complete_history(
        History(operations),
        sale=SALE | changes,
        seats=["s1", "s2"],
        balances={"ann": 5000},
        faults=faults,
        begun=BEGUN,
        left={"final": members_of(final)},
    )


def test_every_check_has_data_where_fans_do_everything():
    history = complete(*BOUGHT)
    assert reasons_without_data(history) == {check.__name__: "" for check in CHECKS}
    assert contradictions(history) == []


@pytest.mark.parametrize(
    ("history", "named"),
    [
        (complete(*BOUGHT, faults=()), {"faults_are_survived": "no part was broken"}),
        (complete(*BOUGHT[:4]), {"faults_are_survived": "nothing was asked once all had"}),
        (complete(*BOUGHT[:3], BOUGHT[4]), {"own_writes_are_visible": "looks back"}),
        (
            complete(*BOUGHT, final=replace(FINAL, outbox=None)),
            {"events_are_published_once": "Kaf"},
        ),
        (
            complete(*BOUGHT[1:], rate=None, capacity=None),
            dict.fromkeys(
                ("numbers_are_in_order", "nobody_overtakes", "admission_keeps_its_pace"),
                "no waiting room",
            ),
        ),
    ],
)
def test_what_has_no_data_is_named_with_its_reason(history, named):
    found = {check: reason for check, reason in reasons_without_data(history).items() if reason}
    assert found.keys() == named.keys()
    assert all(named[check] in reason for check, reason in found.items())


def test_a_fault_that_did_not_happen_asks_for_no_recovery_and_permits_nothing():
    broken = replace(FAULT, part="kafka")
    assert complete(*BOUGHT, faults=[broken]).final.repeats_allowed
    absent = complete(*BOUGHT, faults=[replace(broken, error="no such part")])
    assert (absent.faults, absent.final.repeats_allowed) == ((), False)


def test_a_room_that_lost_its_memory_is_held_to_its_rate_alone():
    wiped = complete(*BOUGHT, faults=[RushFault(1.0, "wipe", "queue")]).terms
    assert (wiped.rate_per_second, wiped.capacity) == (10.0, 0)
    assert complete(*BOUGHT).terms.capacity == 20


def test_the_last_failure_after_each_mending_is_that_faults():
    later = RushFault(6.0, "pause", "gateway", 1.0)
    failed = [
        op("poll", second, status=status, outcome="unknown")
        for second, status in ((2.0, 503), (3.5, 503), (4.0, 0), (6.5, 502), (7.2, 503))
    ]
    history = [*BOUGHT, *failed, op("pay", 9.0, outcome="unknown")]  # open, and answered
    found = with_recovery([FAULT, later], history, BEGUN)
    assert [fault.recovered_after for fault in found] == [3.5, 0.2]
    [alone] = with_recovery([FAULT], [op("list", 3.0 + RECOVERY_SECONDS + 1, status=503)], BEGUN)
    assert alone.recovered_after == 0.0
