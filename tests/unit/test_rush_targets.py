"""Targets, figures and verdicts of a rehearsal."""

import math
from dataclasses import replace

import pytest

from proof.history.recorded import Operation
from proof.rush.faults import RushFault
from proof.rush.figures import (
    RushFacts,
    asked_of,
    card_figures,
    disagreements,
    failures,
    figures_of,
    rate_off_percent,
    unseen_of,
    violations_of,
)
from proof.rush.profiles import PROFILES
from proof.rush.targets import TARGETS, RushVerdict, results_of, verdict_of, void_reasons

GOOD = {
    "longest_join_ms": 999.0,
    "admission_rate_off_percent": 2.0,
    "seat_reads_p99_ms": 499.0,
    "holds_p99_ms": 999.0,
    "holds_p50_ms": 99.0,
    "sold_out_of_ideal": 1.2,
    "oversold": 0,
    "lost_money": 0,
    "failures": 0,
}
BAD = {
    "longest_join_ms": 1000.0,
    "admission_rate_off_percent": 2.1,
    "seat_reads_p99_ms": 500.0,
    "holds_p99_ms": 1000.0,
    "holds_p50_ms": 100.0,
    "sold_out_of_ideal": math.inf,
    "failures": 1,
}
CALM = {"busiest_share": 0.5, "late_p99_ms": 3.0}


def verdict(figures=GOOD, *, asked=frozenset(GOOD), violations=(), unseen=(), load=CALM):
    results = results_of(figures, asked=asked)
    void = void_reasons(load)
    return verdict_of(results, violations=violations, unseen=unseen, void=void)


def test_the_table_has_a_line_for_each_target():
    assert {target.name for target in TARGETS} == set(GOOD)


def test_a_run_that_meets_everything_is_a_go():
    assert verdict() is RushVerdict.GO
    assert RushVerdict.GO == 0


@pytest.mark.parametrize("name", BAD)
def test_a_missed_target_is_exit_code_2(name):
    assert verdict(GOOD | {name: BAD[name]}) == 2


@pytest.mark.parametrize("name", ["oversold", "lost_money"])
def test_a_seat_sold_twice_and_lost_money_are_exit_code_1(name):
    assert verdict(GOOD | {name: 1}) == 1


def test_any_violation_is_exit_code_1():
    assert verdict(violations=["seats_are_counted: ..."]) == 1


@pytest.mark.parametrize("load", [{"busiest_share": 0.96}, {"late_p99_ms": 101.0}])
def test_a_client_that_was_the_bottleneck_is_exit_code_3(load):
    assert verdict(load=CALM | load) == 3
    assert verdict(GOOD | {"failures": 1}, load=CALM | load) == 3
    assert verdict(violations=["..."], load=CALM | load) == 1  # a broken promise is one anyway


@pytest.mark.parametrize(
    "changes", [{}, {"figures": GOOD | BAD}, {"load": {**CALM, "busiest_share": 1.0}}]
)
def test_what_could_not_be_seen_is_exit_code_4(changes):
    assert verdict(**changes, unseen=["claims_agree could not look: ..."]) == 4
    assert verdict(**changes, unseen=["..."], violations=["..."]) == 1


def test_what_a_profile_does_not_ask_for_is_no_target():
    asked = set(GOOD) - {"sold_out_of_ideal"}
    results = results_of(GOOD | BAD, asked=asked)
    assert [one.met for one in results if one.target.name == "sold_out_of_ideal"] == [None]
    assert verdict(GOOD | {"sold_out_of_ideal": None}, asked=asked) == 0


@pytest.mark.parametrize("name", BAD)
def test_what_is_asked_for_and_was_not_measured_is_missed(name):
    assert verdict(GOOD | {name: None}) == 2


def test_a_figure_that_nobody_computed_is_an_error():
    with pytest.raises(KeyError):
        results_of({name: 0.0 for name in GOOD if name != "failures"}, asked=GOOD)


# --- figures


def op(kind: str, invoked: float, ended: float, outcome: str = "ok", status: int = 201):
    return Operation(1, kind, invoked, outcome, ended, "u", status)


def paid(reservation: str, outcome: str = "ok", **more) -> Operation:
    facts = {"op": "pay", "status": 201, "key": "key", "seat_ids": ("a",), "amount": 100} | more
    return Operation(1, invoked=1.0, ended=1.5, outcome=outcome, user_id="user",
                     reservation_id=reservation, **facts)  # fmt: skip


def left(**reservations: int) -> dict:
    return {
        "sold": len(reservations),
        "oversold": 0,
        "without_ticket": 0,
        "reservations": {name: [["a"], amount] for name, amount in reservations.items()},
        "spent": sum(reservations.values()),
        "captured": 0,
    }


def test_answers_and_rows_that_agree_contradict_nothing():
    assert disagreements([paid("r1"), paid("r1")], left(r1=100)) == []
    assert disagreements([paid("r1", "unknown")], left()) == []
    assert disagreements([paid("r1", "unknown")], left(r1=100)) == []


@pytest.mark.parametrize(
    ("history", "rows", "words"),
    [
        ([paid("r1")], left(), "1 purchases are gone: r1"),
        ([], left(r1=100), "1 purchases that nobody made: r1"),
        (
            [paid("r1")],
            left(r1=100) | {"spent": 200},
            "fans paid 200 points and 0 by card for seats worth 100",
        ),
        ([paid("r1")], left(r1=100) | {"without_ticket": 1}, "1 sold seats have no ticket"),
    ],
)
def test_each_disagreement_is_found(history, rows, words):
    assert disagreements(history, rows) == [words]


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        ([paid("r1", "fail")], left()),
        ([paid("r1", "fail"), paid("r1", "unknown")], left(r1=100)),
        ([paid("r1", "fail"), paid("r1")], left(r1=100)),
    ],
)
def test_a_payment_that_no_response_decides_may_have_been_made_or_not(history, rows):
    assert disagreements(history, rows) == []


def test_money_by_card_counts_as_points_do_and_an_outcome_that_came_later_as_one_at_once():
    open_one = paid("r1", "unknown", status=200)
    by_card = left(r1=100) | {"spent": 0, "captured": 100}
    for state in ("PROCESSING", "PAID"):
        assert disagreements([open_one, paid("r1", op="payment", state=state)], by_card) == []
    gone = disagreements([open_one, paid("r1", op="payment", state="PAID")], left())
    assert gone == ["1 purchases are gone: r1"]
    assert disagreements([open_one, paid("r1", op="payment", state="PROCESSING")], left()) == []
    lost = disagreements([paid("r1")], by_card | {"captured": 60})
    assert lost == ["fans paid 0 points and 60 by card for seats worth 100"]


def test_payments_by_card_are_counted_with_how_long_their_outcome_was_open():
    def by_card(reservation: str, at: float, kind: str = "pay", outcome: str = "ok", **more):
        return replace(paid(reservation, outcome, op=kind, method="CARD", **more),
                       invoked=at, ended=at + 0.5)  # fmt: skip

    history = [
        *(by_card(f"r{n}", 1.0, "begin") for n in range(5)),
        by_card("r1", 2.0),
        by_card("r2", 2.0, outcome="unknown"), by_card("r2", 5.0, "payment", state="PROCESSING"),
        by_card("r2", 7.0, "payment", state="PAID"),
        by_card("r3", 2.0, outcome="unknown"), by_card("r3", 5.0, "payment", state="PROCESSING"),
        by_card("r4", 2.0, outcome="fail"),
        paid("r9"),
    ]  # fmt: skip
    assert card_figures(history) == {
        "begun": 5, "confirmed": 4, "paid": 2, "open": 2, "longest_open_seconds": 5.5,
        "never_known": 1,
    }  # fmt: skip


def test_a_purchase_behind_refusals_alone_is_found():
    found = disagreements([paid("r1", "fail"), paid("r1", "fail")], left(r1=100))
    assert found == ["1 purchases that nobody made: r1"]


def at(second: float, status: int, *, took: float = 0.1) -> Operation:
    return op("poll", 100 + second, 100 + second + took, "unknown", status)


def test_errors_are_counted():
    history = [at(1, 500), at(1, 503), at(1, 0), at(1, 409), at(1, 200)]
    assert failures(history, begun=100.0) == 3


FAULT = RushFault(10.0, "kill", "lock", 5.0)


@pytest.mark.parametrize("status", [503, 0])
@pytest.mark.parametrize(
    ("second", "took", "excused"),
    [
        (9.0, 0.5, False),
        (9.0, 1.5, True),  # under way when the part broke
        (10.0, 0.1, True),
        (24.9, 20.0, True),  # sent while the site recovers, given up later
        (25.1, 0.1, False),
    ],
)
def test_what_a_broken_part_excuses_ends_with_the_recovery(status, second, took, excused):
    assert failures([at(second, status, took=took)], [FAULT], begun=100.0) == (not excused)


def test_no_fault_excuses_a_defect_and_one_that_did_not_happen_nothing():
    assert failures([at(12, 500)], [FAULT], begun=100.0) == 1
    assert failures([at(12, 503)], [replace(FAULT, error="no")], begun=100.0) == 1


def test_a_check_that_could_not_look_and_a_fault_that_did_not_happen_are_not_seen():
    assert unseen_of(FACTS) == []
    blind = {"check": "claims_agree", "violations": [], "failure": "away"}
    audit = {"outcome": "incomplete", "checks": [blind]}
    facts = replace(FACTS, audit=audit, faults=[FAULT, replace(FAULT, error="no such part")])
    assert unseen_of(facts) == [
        "claims_agree could not look: away",
        "kill lock at 10 s: no such part",
    ]
    late = replace(FACTS, faults=[replace(FAULT, at=16.0)])  # sold out at 15 s
    assert unseen_of(late) == ["kill lock at 16 s: the sale was over before it"]
    nameless = replace(FACTS, audit={"outcome": "incomplete", "checks": []})
    assert len(unseen_of(nameless)) == 1


def sample(second: int, serving: int, waiting: int = 500, active: int = 50) -> dict:
    return {
        "as_of": f"2026-12-01T11:00:{second:02}.000Z", "serving": serving, "waiting": waiting,
        "active": active,
    }  # fmt: skip


def test_the_rate_is_that_of_the_seconds_in_which_fans_waited():
    full = [sample(n, 100 * n) for n in range(1, 6)]
    empty = [sample(n, 500, waiting=0) for n in range(6, 20)]
    crammed = [sample(n, 500, active=1000) for n in range(20, 25)]
    found = rate_off_percent([*full, *empty, *crammed], rate=100.0, capacity=1000)
    assert found == pytest.approx(0.0)
    slow = [sample(n, 97 * n) for n in range(1, 6)]
    assert rate_off_percent(slow, rate=100.0, capacity=1000) == pytest.approx(3.0)
    assert rate_off_percent(empty, rate=100.0, capacity=1000) is None
    assert rate_off_percent(full, rate=None, capacity=None) is None


def test_a_full_room_in_between_does_not_count_against_the_rate():
    before = [sample(n, 100 * n) for n in range(1, 6)]
    full = [sample(n, 500 + n, active=950) for n in range(6, 20)]
    after = [sample(n, 600 + 100 * (n - 20)) for n in range(20, 25)]
    found = rate_off_percent([*before, *full, *after], rate=100.0, capacity=1000)
    assert found == pytest.approx(0.0)
    slow = [sample(n, 600 + 50 * (n - 20)) for n in range(20, 25)]
    found = rate_off_percent([*before, *full, *slow], rate=100.0, capacity=1000)
    assert found == pytest.approx(25.0)
    assert rate_off_percent([before[0], full[0], after[0]], rate=100.0, capacity=1000) is None


def test_a_status_that_was_read_twice_counts_once():
    twice = [sample(n, 100 * n) for n in (1, 1, 2, 2, 3, 3)]
    assert rate_off_percent(twice, rate=100.0, capacity=1000) == pytest.approx(0.0)


FACTS = RushFacts(
    profile=replace(PROFILES["small"], share_bots=0.0),
    seed=1,
    sale={"seats": 200, "rate": 10.0, "capacity": 200},
    client={"samples": [], "sold_out_after": 15.0, "begun": 0.0, "findings": []},
    history=[paid("r1"), op("hold", 1.0, 1.25)],
    left=left(r1=100),
    audit={
        "outcome": "clean",
        "checks": [{"check": "seat_has_one_owner", "violations": [], "failure": None}],
    },
)


def test_figures_come_from_the_history_and_the_rows():
    found = figures_of(FACTS)
    assert found["holds_p50_ms"] == 250.0
    assert 1.0 < found["sold_out_of_ideal"] < 1.2
    assert (found["longest_join_ms"], found["oversold"], found["lost_money"]) == (None, 0, 0)
    never = replace(FACTS, client={**FACTS.client, "sold_out_after": None})
    assert figures_of(never)["sold_out_of_ideal"] == math.inf
    few = replace(FACTS, profile=replace(FACTS.profile, fans=10))
    assert figures_of(few)["sold_out_of_ideal"] is None
    assert violations_of(FACTS) == []


def judged(facts: RushFacts) -> dict[str, bool | None]:
    results = results_of(figures_of(facts), asked=asked_of(facts))
    return {one.target.name: one.met for one in results}


def test_a_room_that_never_admits_is_no_go():
    waiting = [sample(n, 0, waiting=200, active=0) for n in range(1, 60)]
    joins = [op("join", 1.0, 1.1) for n in range(200)]
    nobody = replace(
        FACTS, history=joins, left=left(),
        client={**FACTS.client, "samples": waiting, "sold_out_after": None},
    )  # fmt: skip
    met = judged(nobody)
    missed = {"admission_rate_off_percent", "seat_reads_p99_ms", "holds_p99_ms", "holds_p50_ms",
              "sold_out_of_ideal"}  # fmt: skip
    assert {name for name, is_met in met.items() if is_met is False} == missed


def test_a_steady_load_of_which_every_request_is_lost_is_no_go():
    lost = [op("join", 1.0, 21.0, "unknown", 0) for n in range(9)]
    steady = replace(
        FACTS, profile=PROFILES["steady"], history=lost, left=left(),
        sale={"seats": 5000, "rate": 1000.0, "capacity": 6000},
        client={**FACTS.client, "sold_out_after": None},
    )  # fmt: skip
    met = judged(steady)
    assert (met["admission_rate_off_percent"], met["sold_out_of_ideal"]) == (None, None)
    assert figures_of(steady)["longest_join_ms"] == pytest.approx(20_000)
    missed = {"longest_join_ms", "seat_reads_p99_ms", "holds_p99_ms", "holds_p50_ms", "failures"}
    assert {name for name, is_met in met.items() if is_met is False} == missed


def test_targets_follow_from_profile_and_sale_alone():
    assert asked_of(FACTS) == set(GOOD)
    assert asked_of(replace(FACTS, client={**FACTS.client, "sold_out_after": None})) == set(GOOD)
    no_room = replace(FACTS, sale={"seats": 200, "rate": None, "capacity": None})
    assert set(GOOD) - asked_of(no_room) == {
        "longest_join_ms", "admission_rate_off_percent", "sold_out_of_ideal"
    }  # fmt: skip
    tiny_room = replace(FACTS, sale={"seats": 200, "rate": 10.0, "capacity": 20})
    assert set(GOOD) - asked_of(tiny_room) == {"admission_rate_off_percent"}
    drops = replace(FACTS, profile=replace(FACTS.profile, arrival_seconds=60.0))
    assert "admission_rate_off_percent" not in asked_of(drops)


def test_what_an_audit_finds_and_what_fans_saw_are_violations():
    violation = {"subject": "seat:1", "detail": "two owners"}
    audit = {"checks": [{"check": "seat_has_one_owner", "violations": [violation]}]}
    found = replace(
        FACTS, audit=audit, client={**FACTS.client, "findings": ["a key ..."]},
        contradicted=["keys_are_honoured: ..."],
    )  # fmt: skip
    assert violations_of(found) == [
        "a key ...",
        "keys_are_honoured: ...",
        "seat_has_one_owner: seat:1 two owners",
    ]
    assert figures_of(found)["oversold"] == 1
