"""The checker of recorded histories: silent about legal ones, and not about any broken promise."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proof.history.checker import CHECKS, contradictions, with_data
from proof.history.order import own_writes_are_visible
from proof.history.recorded import (
    FAIL,
    OK,
    UNKNOWN,
    FinalState,
    History,
    HistoryUnreadable,
    Operation,
    RecordedFault,
    RecordedTerms,
    as_lines,
    parse,
    read,
    write,
)
from tests.support.sale_model import PRICE, SaleModel

INF = math.inf


def op(kind: str, invoked: float, ended: float, fan: str = "ann", **members) -> Operation:
    defaults = {"outcome": OK, "status": 200, "process": hash(fan) % 100, "user_id": fan}
    return Operation(op=kind, invoked=invoked, ended=ended, **(defaults | members))


def hold(invoked: float, ended: float, id_: str, *seats: str, until: float = 60.0, **members):
    return op(
        "hold",
        invoked,
        ended,
        reservation_id=id_,
        seat_ids=seats,
        amount=PRICE * len(seats),
        until=until,
        **members,
    )


def pay(invoked: float, ended: float, id_: str, **members) -> Operation:
    defaults = {"reservation_id": id_, "amount": PRICE, "payment_id": f"p{id_}", "key": f"k{id_}"}
    return op("pay", invoked, ended, **(defaults | members))


TERMS = RecordedTerms(
    seats=("s1", "s2", "s3"),
    max_seats_per_fan=2,
    opened_at=0.0,
    rate_per_second=1.0,
    capacity=4,
    balances={"ann": 5000, "ben": 5000},
)
CLEAN = History(
    operations=(
        op("join", 0, 0.5, number=1, state="ADMITTED", until=50),
        op("join", 1, 1.5, "ben", number=2, state="WAITING"),
        op("poll", 4, 4.5, "ben", number=2, state="ADMITTED", until=50),
        hold(5, 6, "r1", "s1"),
        hold(5, 6, "r2", "s2", fan="ben"),
        pay(7, 8, "r1"),
        op("look", 9, 9.5, reservation_id="r1", state="CONFIRMED"),
        op("look", 9, 9.5, "ben", reservation_id="r2", state="PENDING"),
    ),
    terms=TERMS,
    faults=(RecordedFault("lock server killed", 2.0, 3.0, 1.0),),
    final=FinalState(
        at=20,
        seats={"s1": "R", "s2": "T", "s3": "A"},
        owners={"s1": "r1", "s2": "r2"},
        tickets=(("r1", "s1"),),
        balances={"ann": 4000, "ben": 5000},
        payments={"pr1": "r1"},
        outbox=("e1", "e2"),
        published=("e1", "e2"),
    ),
)
FINAL = CLEAN.final
assert FINAL is not None


def with_more(*operations: Operation, **changes) -> History:
    return replace(CLEAN, operations=(*CLEAN.operations, *operations), **changes)


def ended_with(**changes) -> History:
    return replace(CLEAN, final=replace(FINAL, **changes))


def instead(old: int, **changes) -> History:
    operations = list(CLEAN.operations)
    operations[old] = replace(operations[old], **changes)
    return replace(CLEAN, operations=tuple(operations))


def with_two_of_one(*, cancelled: tuple[str, ...], owners: dict[str, str], **changes) -> History:
    """Return the clean history with two seats bought by r1, some of them cancelled unheard."""
    history = instead(3, seat_ids=("s1", "s3"))
    states = {"s1": "A", "s2": "T", "s3": "A"} | dict.fromkeys(owners, "T")
    states |= {seat: "R" for seat, owner in owners.items() if owner == "r1"}
    tickets = tuple(("r1", seat) for seat, owner in owners.items() if owner == "r1")
    lost = op("cancel", 12, INF, outcome=UNKNOWN, status=0, reservation_id="r1", seat_ids=cancelled)
    return replace(
        history,
        operations=(*history.operations, lost),
        final=replace(FINAL, seats=states, owners=owners, tickets=tickets, **changes),
        faults=(),
    )


BAD = {
    "seats_have_one_owner": [
        with_more(hold(10, 11, "r3", "s1", fan="eve")),  # sold
        with_more(hold(10, 11, "r3", "s2", fan="eve")),  # held
    ],
    "no_success_is_lost": [
        ended_with(seats={"s1": "A", "s2": "T", "s3": "A"}, owners={"s2": "r2"}, tickets=()),
        ended_with(owners={"s1": "r9", "s2": "r2"}),
        ended_with(seats={"s1": "T", "s2": "T", "s3": "A"}),
        ended_with(tickets=()),
        ended_with(seats={"s1": "R", "s2": "A", "s3": "A"}, owners={"s1": "r1"}),  # a live hold
        with_two_of_one(cancelled=("s3",), owners={"s2": "r2"}),  # the seat that was kept
    ],
    "nothing_is_sold_by_nobody": [
        ended_with(seats={"s1": "R", "s2": "R", "s3": "A"}),
        ended_with(
            seats={"s1": "R", "s2": "T", "s3": "R"}, owners={"s1": "r1", "s2": "r2", "s3": "r9"}
        ),
        ended_with(
            seats={"s1": "R", "s2": "T", "s3": "R"}, owners={"s1": "r1", "s2": "r2", "s3": "r1"}
        ),
        ended_with(tickets=(("r1", "s1"), ("r2", "s2"))),
    ],
    "seats_are_conserved": [
        ended_with(seats={"s1": "R", "s2": "T"}),
        ended_with(seats={"s1": "R", "s2": "T", "s3": "A", "s4": "A"}),
        ended_with(seats={"s1": "R", "s2": "T", "s3": "X"}),
        ended_with(seats={"s1": "R", "s2": "T", "s3": "T"}),
        ended_with(owners={"s1": "r1", "s2": "r2", "s3": "r1"}),
        ended_with(tickets=(("r1", "s1"), ("r1", "s1"))),
    ],
    "nothing_succeeds_on_a_lapsed_hold": [
        instead(5, invoked=61, ended=62),
        with_more(op("extend", 61, 62, "ben", reservation_id="r2", until=90)),
        with_more(
            op("release", 10, 11, "ben", reservation_id="r2"), pay(12, 13, "r2", user_id="ben")
        ),
        with_more(
            op("release", 10, 11, "ben", reservation_id="r2", seat_ids=("s2",)),
            pay(12, 13, "r2", user_id="ben"),
        ),
    ],
    "fans_keep_their_limit": [with_more(hold(9, 10, "r3", "s3"), hold(9, 10, "r4", "s4"))],
    "money_is_conserved": [
        ended_with(balances={"ann": 3000, "ben": 5000}),
        ended_with(balances={"ann": 5000, "ben": 5000}),
        ended_with(balances={"ann": 4000, "ben": 4000}),
        ended_with(balances={"ann": 4000, "ben": -1}),
        with_more(op("charge", 9, 10, amount=700, key="c1", payment_id="c1")),
        with_two_of_one(
            cancelled=("s3",), owners={"s1": "r1", "s2": "r2"}, balances={"ann": 5001, "ben": 5000}
        ),
    ],
    "keys_are_honoured": [
        with_more(pay(9, 10, "r1", payment_id="another")),
        with_more(pay(9, 10, "r1", key="another", payment_id="another")),
        with_more(hold(9, 10, "r5", "s3", key="h"), hold(10, 11, "r6", "s3", key="h")),
        ended_with(payments={"pr1": "r1", "again": "r1"}),
    ],
    "refusals_cost_nothing": [
        instead(5, outcome=FAIL, status=409),
    ],
    "numbers_are_in_order": [
        with_more(op("join", 10, 11, "eve", number=2, state="WAITING")),
        with_more(op("join", 2, 3, "eve", number=9), op("join", 10, 11, "zoe", number=8)),
    ],
    "nobody_overtakes": [
        with_more(op("poll", 10, 11, "eve", number=1, state="WAITING")),
    ],
    "admission_keeps_its_pace": [
        with_more(
            *(op("poll", 4, 4.2, f"f{n}", number=10 + n, state="ADMITTED") for n in range(9))
        ),
        with_more(
            *(
                op("poll", 40, 41, f"f{n}", number=10 + n, state="ADMITTED", until=60)
                for n in range(5)
            )
        ),
    ],
    "own_writes_are_visible": [
        instead(6, state="PENDING"),
        instead(6, outcome=FAIL, status=404, code="reservation_not_found"),
        instead(7, state="EXPIRED"),
        with_more(
            op("release", 10, 11, "ben", reservation_id="r2"),
            op("look", 12, 13, "ben", reservation_id="r2", state="PENDING"),
        ),
        with_more(
            op("release", 10, 11, "ben", reservation_id="r2", seat_ids=("s2",)),
            op("look", 12, 13, "ben", reservation_id="r2", state="PENDING"),
        ),
        with_more(op("tickets", 10, 11, reservation_id="r1", seat_ids=())),
    ],
    "faults_are_survived": [
        with_more(op("hold", 12, 13, outcome=UNKNOWN, status=0)),
        with_more(op("hold", 12, 13, outcome=FAIL, status=503, code="busy")),
        # Two faults at once excuse what meets them, and nothing once both are over.
        with_more(
            op("list", 12, 13, outcome=UNKNOWN, status=0),
            faults=(RecordedFault("one", 2.0, 3.0, 1.0), RecordedFault("two", 2.5, 4.0, 1.0)),
        ),
        replace(CLEAN, faults=(RecordedFault("queue wiped", 50.0, 60.0, 5.0),)),
        replace(CLEAN, faults=(RecordedFault("kafka down", 2.0, 3.0, 1.0, ("charge",)),)),
    ],
    "events_are_published_once": [
        ended_with(published=("e1",)),
        ended_with(published=("e1", "e2", "e2")),
        ended_with(published=("e1", "e2", "e3")),
    ],
}


def found(history: History) -> set[str]:
    return {one.check for one in contradictions(history)}


def test_who_gives_up_a_hold_that_has_expired_may_see_that_it_has():
    late = CLEAN.operations[4].until + TERMS.clock_error + 1
    given_up = op("release", late, late + 1, "ben", reservation_id="r2", seat_ids=("s2",))
    seen = op("look", late + 2, late + 3, "ben", reservation_id="r2", state="EXPIRED")
    early = replace(given_up, invoked=10, ended=11)
    assert not list(own_writes_are_visible(with_more(given_up, seen)))
    assert list(own_writes_are_visible(with_more(early, seen)))


def test_a_clean_history_contradicts_nothing():
    assert contradictions(CLEAN) == []


def test_each_check_says_whether_it_had_data():
    assert with_data(with_more(terms=TERMS)) == dict.fromkeys(BAD, True)
    assert with_data(History(())) == dict.fromkeys(BAD, False)
    assert {check for histories in BAD.values() for one in histories for check in found(one)
            if not with_data(one)[check]} == set()  # fmt: skip


def test_every_check_has_a_history_that_it_is_there_for():
    assert set(BAD) == {check.__name__ for check in CHECKS}


@pytest.mark.control
@pytest.mark.parametrize(
    ("check", "history"),
    [(check, history) for check, histories in BAD.items() for history in histories],
    ids=[f"{check}-{n}" for check, histories in BAD.items() for n in range(len(histories))],
)
def test_every_broken_promise_is_found(check, history):
    assert check in found(history)


class TestWhatNobodyWasToldIsNotHeldAgainstTheSite:
    def test_a_payment_without_a_response_may_have_been_made_or_not(self):
        unheard = instead(5, outcome=UNKNOWN, status=0)
        unheard = replace(unheard, operations=unheard.operations[:6], faults=())
        assert contradictions(unheard) == []
        unpaid = replace(
            FINAL,
            seats={"s1": "T", "s2": "T", "s3": "A"},
            tickets=(),
            payments={},
            balances={"ann": 5000, "ben": 5000},
        )
        assert contradictions(replace(unheard, final=unpaid)) == []
        assert found(replace(unheard, final=replace(unpaid, balances={"ann": 4000, "ben": 5000})))

    def test_a_hold_without_a_response_may_own_seats(self):
        lost = with_more(op("hold", 9, INF, "eve", outcome=UNKNOWN, status=0, seat_ids=("s3",)))
        final = replace(
            FINAL,
            seats={"s1": "R", "s2": "T", "s3": "T"},
            owners={"s1": "r1", "s2": "r2", "s3": "r7"},
        )
        assert contradictions(replace(lost, final=final, faults=())) == []

    @pytest.mark.parametrize("after", [4000, 4300, 5000])
    def test_a_cancellation_without_a_response_gave_back_nobody_knows_how_much(self, after):
        history = with_two_of_one(
            cancelled=("s3",), owners={"s1": "r1", "s2": "r2"}, balances={"ann": after, "ben": 5000}
        )
        assert contradictions(history) == []

    def test_a_seat_that_was_cancelled_may_be_had_by_another_and_the_one_kept_may_not(self):
        history = with_two_of_one(cancelled=("s3",), owners={"s1": "r1", "s2": "r2"})
        other = hold(13, 14, "r3", "s3", fan="eve")
        assert "seats_have_one_owner" not in found(
            replace(history, operations=(*history.operations, other))
        )
        twice = hold(13, 14, "r3", "s1", fan="eve")
        assert "seats_have_one_owner" in found(
            replace(history, operations=(*history.operations, twice))
        )

    def test_a_hold_that_says_no_deadline_promises_nothing_for_later(self):
        silent = hold(9, 10, "r3", "s3", fan="eve", until=0.0)
        next_one = hold(400, 401, "r4", "s3", fan="zoe", until=500.0)
        look = op("look", 402, 403, "eve", reservation_id="r3", state="EXPIRED")
        assert contradictions(with_more(silent, next_one, look, faults=(), final=None)) == []
        paid = pay(11, 12, "r3", user_id="eve")
        assert "seats_have_one_owner" in found(with_more(silent, paid, next_one))
        extended = op("extend", 11, 12, "eve", reservation_id="r3", until=450.0)
        assert "seats_have_one_owner" in found(with_more(silent, extended, next_one))

    def test_an_extension_without_a_response_may_have_moved_the_deadline(self):
        moved = with_more(
            op("extend", 50, INF, "ben", reservation_id="r2", outcome=UNKNOWN, status=0)
        )
        later = replace(
            moved,
            operations=(*moved.operations, pay(70, 71, "r2", user_id="ben")),
            final=None,
            faults=(),
        )
        assert contradictions(later) == []

    def test_a_payment_under_way_outlives_the_deadline(self):
        window = replace(TERMS, payment_window=120.0)
        tries = (
            pay(50, 51, "r2", user_id="ben", outcome=UNKNOWN, status=0, key="one"),
            pay(70, 71, "r2", user_id="ben", key="one"),
        )
        history = with_more(*tries, terms=window, final=None, faults=())
        assert contradictions(history) == []

    def test_a_payment_by_card_that_was_begun_outlives_the_deadline_and_moves_no_points(self):
        begun = op("begin", 50, 51, "ben", reservation_id="r2", payment_id="pr2", method="CARD")
        window = replace(TERMS, payment_window=120.0)
        paid = with_more(begun, pay(70, 71, "r2", user_id="ben", method="CARD"), terms=window,
                         faults=(), final=replace(FINAL, seats={"s1": "R", "s2": "R", "s3": "A"},
                                                  tickets=(("r1", "s1"), ("r2", "s2")),
                                                  payments={"pr1": "r1", "pr2": "r2"}))  # fmt: skip
        assert contradictions(paid) == []
        final = replace(paid.final, balances={"ann": 4000, "ben": 4000})
        assert found(replace(paid, final=final)) == {"money_is_conserved"}
        unbegun = replace(paid, operations=(*CLEAN.operations, paid.operations[-1]))
        assert "nothing_succeeds_on_a_lapsed_hold" in found(unbegun)

    def test_a_payment_whose_outcome_came_later_is_what_the_last_look_at_it_showed(self):
        asked = (
            pay(10, 11, "r2", user_id="ben", method="CARD", outcome=UNKNOWN, status=200),
            op("payment", 12, 13, "ben", reservation_id="r2", state="PROCESSING", method="CARD"),
            op("payment", 14, 15, "ben", reservation_id="r2", state="PAID", method="CARD"),
        )
        sold = replace(FINAL, seats={"s1": "R", "s2": "R", "s3": "A"},
                       tickets=(("r1", "s1"), ("r2", "s2")),
                       payments={"pr1": "r1", "pr2": "r2"})  # fmt: skip
        assert contradictions(with_more(*asked, final=sold)) == []
        # Once a response said PAID it is a purchase, and none before.
        assert "no_success_is_lost" in found(with_more(*asked))
        assert contradictions(with_more(*asked[:2])) == []

    def test_an_outcome_that_is_still_open_is_no_failure_to_recover(self):
        open_one = pay(12, 13, "r2", user_id="ben", outcome=UNKNOWN, status=200)
        assert "faults_are_survived" not in found(with_more(open_one))

    def test_what_meets_another_fault_says_nothing_of_this_one(self):
        faults = (RecordedFault("one", 2.0, 3.0, 1.0), RecordedFault("two", 11.0, 14.0, 1.0))
        lost = op("list", 12, 13, outcome=UNKNOWN, status=0)
        after = op("list", 16, 17)
        assert contradictions(with_more(lost, after, faults=faults)) == []

    def test_seats_given_up_may_be_had_by_another_at_once(self):
        given_up = op("release", 10, 12, "ben", reservation_id="r2")
        next_one = hold(10.5, 11, "r3", "s2", fan="eve")
        assert "seats_have_one_owner" not in found(with_more(given_up, next_one))

    def test_clocks_may_differ_by_as_much_as_the_terms_say(self):
        late = hold(59.7, 59.9, "r3", "s2", fan="eve", until=100.0)
        assert "seats_have_one_owner" in found(with_more(late))
        terms = replace(TERMS, clock_error=0.5)
        assert "seats_have_one_owner" not in found(with_more(late, terms=terms))

    def test_after_a_crash_an_event_may_be_there_again(self):
        again = replace(FINAL, published=("e1", "e2", "e1"), repeats_allowed=True)
        assert contradictions(replace(CLEAN, final=again)) == []

    def test_a_join_without_a_response_may_have_given_the_number_that_a_later_one_shows(self):
        tries = (
            op("join", 10, 11, "eve", outcome=UNKNOWN, status=0),
            op("join", 11.5, 12, "zoe", number=9, state="WAITING"),
            op("join", 13, 14, "eve", number=8, state="WAITING"),
        )
        assert "numbers_are_in_order" not in found(with_more(*tries))
        assert "numbers_are_in_order" in found(with_more(*tries[1:]))

    def test_who_is_invited_overtakes_nobody(self):
        ahead = op("poll", 1.6, 1.7, "vip", number=50, state="ADMITTED", ahead_of_line=True)
        waits = op("poll", 2, 3, "ben", number=2, state="WAITING")
        assert contradictions(with_more(ahead, waits)) == []

    def test_a_place_from_before_the_opening_was_drawn(self):
        early = (
            op("join", -9, -8, "eve", number=900, state="WAITING"),
            op("join", -7, -6, "zoe", number=500, state="WAITING"),
        )
        again = op("join", 10, 11, "zoe", number=500, state="WAITING")
        assert "numbers_are_in_order" not in found(with_more(*early, again))


Mutation = Callable[[History, Random], History | None]


def _final(history: History, **changes) -> History:
    assert history.final is not None
    return replace(history, final=replace(history.final, **changes))


def lose_a_sale(history: History, random: Random) -> History | None:
    sold = _known_and_paid(history)
    if not sold:
        return None
    _, seat = random.choice(sold)
    owners = {key: one for key, one in history.final.owners.items() if key != seat}
    seats = {**history.final.seats, seat: "A"}
    tickets = tuple(one for one in history.final.tickets if one[1] != seat)
    return _final(history, owners=owners, seats=seats, tickets=tickets)


def _known_and_paid(history: History) -> list[tuple[str, str]]:
    """Return reservation and seat of each sale that its fan knows of."""
    heard = {one.reservation_id for one in history.of("pay", outcome=OK)}
    given_up = {one.reservation_id for one in history.of("release") if one.outcome != FAIL}
    return [
        (id_, seat) for id_, seat in history.final.tickets if id_ in heard and id_ not in given_up
    ]


def sell_to_nobody(history: History, random: Random) -> History | None:
    free = [seat for seat, state in history.final.seats.items() if state == "A"]
    if not free or any(one.outcome == UNKNOWN for one in history.of("hold")):
        return None
    seat = random.choice(free)
    return _final(
        history,
        seats={**history.final.seats, seat: "R"},
        owners={**history.final.owners, seat: "phantom"},
    )


def take_money(history: History, random: Random) -> History | None:
    fan = random.choice(sorted(history.final.balances))
    balances = dict(history.final.balances)
    balances[fan] -= random.choice([1, PRICE, 7 * PRICE])
    return _final(history, balances=balances)


def lose_a_seat(history: History, random: Random) -> History | None:
    seats = dict(history.final.seats)
    del seats[random.choice(sorted(seats))]
    return _final(history, seats=seats)


def lose_an_event(history: History, random: Random) -> History | None:
    published = list(history.final.published)
    if not published:
        return None
    published.pop(random.randrange(len(published)))
    return _final(history, published=tuple(published))


def repeat_an_event(history: History, random: Random) -> History | None:
    published = history.final.published
    return _final(history, published=(*published, random.choice(published))) if published else None


def steal_a_seat(history: History, random: Random) -> History | None:
    sold = _known_and_paid(history)
    if not sold:
        return None
    _, seat = random.choice(sold)
    at = history.final.at
    thief = hold(at, at + 0.5, "stolen", seat, fan="thief", until=at + 9)
    return replace(history, operations=(*history.operations, thief))


def repeat_a_number(history: History, random: Random) -> History | None:
    joins = history.of("join", outcome=OK)
    if not joins:
        return None
    one = random.choice(joins)
    again = replace(one, user_id="double", invoked=one.ended + 1, ended=one.ended + 2)
    return replace(history, operations=(*history.operations, again))


def pay_too_late(history: History, random: Random) -> History | None:
    paid = {one.reservation_id for one in history.of("pay")}
    moved = {one.reservation_id for one in history.of("extend", "release")}
    idle = [h for h in history.of("hold", outcome=OK) if h.reservation_id not in paid | moved]
    if not idle:
        return None
    one = random.choice(idle)
    late = pay(one.until + 1, one.until + 2, one.reservation_id, user_id=one.user_id)
    return replace(history, operations=(*history.operations, late))


def forget_a_hold(history: History, random: Random) -> History | None:
    holds = history.of("hold", outcome=OK)
    if not holds:
        return None
    one = random.choice(holds)
    look = op(
        "look", one.ended + 0.1, one.ended + 0.2, one.user_id,
        reservation_id=one.reservation_id, outcome=FAIL, status=404,
    )  # fmt: skip
    return replace(history, operations=(*history.operations, look))


MUTATIONS = {
    lose_a_sale: "no_success_is_lost",
    sell_to_nobody: "nothing_is_sold_by_nobody",
    take_money: "money_is_conserved",
    lose_a_seat: "seats_are_conserved",
    lose_an_event: "events_are_published_once",
    repeat_an_event: "events_are_published_once",
    steal_a_seat: "seats_have_one_owner",
    repeat_a_number: "numbers_are_in_order",
    pay_too_late: "nothing_succeeds_on_a_lapsed_hold",
    forget_a_hold: "own_writes_are_visible",
}
SIZES = st.integers(5, 80)


@given(seed=st.integers(0, 2**32), steps=SIZES, doubt=st.sampled_from([0.0, 0.1, 0.5]))
def test_what_a_correct_site_could_have_shown_contradicts_nothing(seed, steps, doubt):
    history = SaleModel(Random(seed), doubt=doubt).run(steps)
    assert contradictions(history) == []


@pytest.mark.control
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
@given(seed=st.integers(0, 2**32), steps=SIZES, doubt=st.sampled_from([0.0, 0.02]))
def test_a_legal_history_with_one_thing_wrong_is_found(mutation: Mutation, seed, steps, doubt):
    changed = mutation(SaleModel(Random(seed), doubt=doubt).run(steps), Random(seed))
    assume(changed is not None)
    assert MUTATIONS[mutation] in found(changed)


@given(seed=st.integers(0, 2**32), steps=SIZES)
def test_a_history_is_read_as_it_was_written(seed, steps):
    history = replace(SaleModel(Random(seed)).run(steps), faults=CLEAN.faults)
    assert parse(as_lines(history)) == history


def test_a_file_of_a_rehearsal_is_read_and_unended_operations_too(tmp_path):
    line = {
        "process": 7, "user_id": "ann", "op": "hold", "invoked": 1.5, "ended": 2.0,
        "outcome": "ok", "status": 201, "key": "", "reservation_id": "r1", "seat_ids": ["s1"],
        "amount": 1000,
    }  # fmt: skip
    path = tmp_path / "history.jsonl"
    path.write_text(f"{json.dumps(line)}\n\n{json.dumps(line | {'ended': None})}\n")
    first, second = read(path).operations
    assert (first.seat_ids, first.ended, second.ended) == (("s1",), 2.0, INF)
    write(path, CLEAN)
    assert read(path) == CLEAN


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "7",
        "{}",
        '{"op": "hold"}',
        '{"op": "hold", "process": 1, "invoked": 1, "outcome": "perhaps"}',
        '{"op": "hold", "process": 1, "invoked": 2, "ended": 1, "outcome": "ok"}',
        '{"op": "hold", "process": 1, "invoked": "x", "outcome": "ok"}',
        '{"op": "hold", "process": 1, "invoked": 1, "outcome": "ok", "color": "red"}',
        '{"fault": 7}',
        '{"final": {"at": 1, "wrong": 2}}',
        "[" * 100_000,
    ],
    ids=range(12),
)
def test_what_is_no_history_is_refused_with_its_line(line):
    with pytest.raises(HistoryUnreadable, match="line 2"):
        parse(["", line])
