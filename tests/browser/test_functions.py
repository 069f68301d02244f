"""The scripts' functions without a page, called where they run: in Chromium."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from queueing import draw
from storefront.words import NOT_ON_PAGES as NO_PAGES_CODES
from tests.browser.conftest import Pure

ROOT = Path(__file__).resolve().parent.parent.parent


def place(**changes: object) -> dict[str, object]:
    facts = {
        "token": "t", "number": 1000, "state": "WAITING", "position": 901, "ahead": 900,
        "eta_seconds": 90, "poll_after_seconds": 20, "admitted_until": None, "pass": None,
        "seenAt": 0, "servingThen": 100,
    }  # fmt: skip
    return {**facts, **changes}


def status(**changes: object) -> dict[str, object]:
    facts = {
        "state": "OPEN", "serving": 100, "waiting": 5000, "active": 10, "rate_per_second": 10,
        "poll_after_seconds": 2, "as_of": "2026-11-21T11:00:00.000Z", "admission_opens_at": None,
        "stream_url": None,
    }  # fmt: skip
    return {**facts, **changes}


def facts(**parts: object) -> dict[str, object]:
    return {"place": None, "status": None, "problem": None, "aheadAtFirst": 0, **parts}


NEXT = """(m, { place, status, problem, now, random }) => m.nextStep({
  place: place ?? undefined, status: status ?? undefined, aheadAtFirst: 1,
  problem: problem ? new m.Problem(problem.code, problem.status, {}, problem.after) : undefined,
}, now, random) ?? null"""


def step(pure: Pure, *, now: int = 0, random: float = 0.5, **parts: object) -> Any:
    return pure(NEXT, {**facts(**parts), "now": now, "random": random})


# --- what a fan who waits asks, and when


def test_who_has_no_place_joins_at_once(pure: Pure):
    assert step(pure) == {"ask": "join", "inMs": 0}


def test_far_from_the_turn_only_the_public_status_is_asked_at_its_own_pace(pure: Pure):
    found = [step(pure, place=place(), status=status(), random=r) for r in (0, 0.5, 1)]
    assert [one["ask"] for one in found] == ["status"] * 3
    assert [round(one["inMs"]) for one in found] == [1600, 2000, 2400]


def test_the_own_place_is_asked_as_the_server_paced_it(pure: Pure):
    assert step(pure, place=place(), status=status(), now=19_500)["ask"] == "place"
    assert step(pure, place=place(), status=status(), now=15_000)["ask"] == "status"


def test_who_is_near_asks_for_the_own_place(pure: Pure):
    near = step(pure, place=place(), status=status(serving=920))
    assert near["ask"] == "place"
    assert near["inMs"] <= 5000


def test_who_was_called_asks_within_a_second_or_so_and_not_all_at_once(pure: Pure):
    called = [
        step(pure, place=place(poll_after_seconds=1), status=status(serving=1000), random=r)
        for r in (0, 1)
    ]
    assert [one["ask"] for one in called] == ["place", "place"]
    assert 700 <= called[0]["inMs"] < called[1]["inMs"] <= 1300


def test_a_paused_room_is_not_near_however_few_are_ahead(pure: Pure):
    assert step(pure, place=place(ahead=0), status=status(state="PAUSED"))["ask"] == "status"


@pytest.mark.parametrize("state", ["EXPIRED", "LEFT", "FINISHED"])
def test_a_place_that_has_ended_asks_nothing(pure: Pure, state: str):
    assert step(pure, place=place(state=state), status=status()) is None


@pytest.mark.parametrize("code", ["queue_unavailable", "queue_paused", "rate_limited"])
def test_nobody_comes_back_earlier_than_asked(pure: Pure, code: str):
    problem = {"code": code, "status": 503, "after": 7}
    found = [step(pure, problem=problem, random=r)["inMs"] for r in (0, 1)]
    assert found == [7000, 8750]


@pytest.mark.parametrize("code", ["too_many_accounts", "not_authenticated", "invitation_invalid"])
def test_a_refusal_is_not_asked_again(pure: Pure, code: str):
    assert step(pure, problem={"code": code, "status": 403, "after": None}) is None


@pytest.mark.parametrize("has_place", [True, False])
def test_a_fault_of_the_server_stops_nobody(pure: Pure, has_place: bool):
    fault = {"code": "internal_error", "status": 500, "after": None}
    known = {"place": place(), "status": status()} if has_place else {}
    found = step(pure, problem=fault, random=0, **known)
    assert found == {"ask": "place" if has_place else "join", "inMs": 10_000}


def test_who_waits_is_asked_for_after_a_refusal_too_unless_it_lasts(pure: Pure):
    def after(code: str, status_code: int) -> Any:
        refusal = {"code": code, "status": status_code, "after": None}
        return step(pure, place=place(), status=status(), problem=refusal)

    assert after("invitation_invalid", 400)["ask"] == "place"
    assert after("performance_not_found", 404) is None
    assert after("not_authenticated", 401) is None


def test_a_thousand_far_fans_ask_the_server_for_few_places(pure: Pure):
    """Over ten minutes each asks for the own place about as often as the server paced it."""
    counts = pure(
        """(m, { place, status }) => Array.from({ length: 1000 }, (_, fan) => {
          let [now, seen, own, shared] = [0, 0, 0, 0];
          while (now < 600000) {
            const facts = { place: { ...place, poll_after_seconds: 60, seenAt: seen }, status };
            const step = m.nextStep(facts, now, ((fan * 7 + shared * 13) % 100) / 100);
            now += step.inMs;
            if (step.ask === "place") { own += 1; seen = now; } else shared += 1;
          }
          return own;
        })""",
        {"place": place(), "status": status()},
    )
    assert max(counts) <= 10
    assert min(counts) >= 9


# --- how far the line has moved


def test_ahead_is_the_share_of_the_numbers_that_were_not_called_yet(pure: Pure):
    ahead = "(m, [place, status]) => m.aheadNow(place, status)"
    assert pure(ahead, [place(), status()]) == 900
    assert pure(ahead, [place(), status(serving=550)]) == 450
    assert pure(ahead, [place(), status(serving=1000)]) == 0
    # Numbers of a draw have gaps: 200 people between 0 and 1,000,000.
    drawn = place(number=1_000_000, ahead=200, servingThen=0)
    assert pure(ahead, [drawn, status(serving=250_000)]) == 150


def test_the_bar_never_goes_back(pure: Pure):
    bar = "(m, [ahead, first, before]) => m.progress(ahead, first, before)"
    assert pure(bar, [100, 200, 0]) == 0.5
    assert pure(bar, [180, 200, 0.5]) == 0.5
    assert pure(bar, [0, 200, 0.5]) == 1
    assert pure(bar, [300, 200, 0]) == 0


def test_the_wait_is_a_range_by_the_rate_really_seen(pure: Pure):
    samples = [{"at": at * 1000, "ahead": 9000 - at * 50} for at in range(0, 61, 5)]
    wait = pure(
        "(m, [place, status, samples]) => m.waitOf(place, status, samples, 60000)",
        [place(ahead=6000, number=6100), status(), samples],
    )
    assert wait == {"from": 96, "to": 144, "rate": 50}
    assert pure("(m, wait) => m.minutesOf(wait)", wait) == {"from": 1, "to": 3}


def test_without_enough_seen_the_server_says_the_wait(pure: Pure):
    wait = pure("(m, [place, status]) => m.waitOf(place, status, [], 30000)", [place(), status()])
    assert wait == {"from": 39, "to": 81, "rate": None}


def test_less_than_a_minute_has_no_number(pure: Pure):
    assert pure("(m, wait) => m.minutesOf(wait) ?? null", {"from": 10, "to": 59}) is None


def test_a_line_that_grew_is_measured_again(pure: Pure):
    samples = pure(
        """(m) => [[0, 100], [5000, 90], [10000, 120], [15000, 110]].reduce(
          (all, [at, ahead]) => m.withSample(all, { at, ahead }), [])"""
    )
    assert [one["ahead"] for one in samples] == [120, 110]


SCREEN = """(m, [facts, soldOut]) => m.screenOf({ ...facts, place: facts.place ?? undefined,
  status: facts.status ?? undefined, problem: facts.problem
    ? new m.Problem(facts.problem.code, facts.problem.status) : undefined }, 0, soldOut)"""


@pytest.mark.parametrize(
    ("screen", "known"),
    [
        ("joining", facts()),
        ("waiting", facts(place=place(), status=status())),
        ("presale", facts(place=place(), status=status(state="PRESALE"))),
        ("near", facts(place=place(ahead=3), status=status())),
        ("paused", facts(place=place(), status=status(state="PAUSED"))),
        ("draining", facts(place=place(), status=status(state="DRAINING"))),
        ("closed", facts(place=place(), status=status(state="CLOSED"))),
        ("admitted", facts(place=place(state="ADMITTED", admitted_until="2030-01-01T00:00:00Z"))),
        ("expired", facts(place=place(state="ADMITTED", admitted_until="1969-01-01T00:00:00Z"))),
        ("expired", facts(place=place(state="EXPIRED"))),
        ("left", facts(place=place(state="LEFT"))),
        ("finished", facts(place=place(state="FINISHED"))),
        ("login", facts(problem={"code": "not_authenticated", "status": 401})),
        ("not_open", facts(problem={"code": "queue_not_open", "status": 409})),
        ("slow_down", facts(problem={"code": "rate_limited", "status": 429})),
        ("waiting", facts(place=place(), problem={"code": "rate_limited", "status": 429})),
        ("challenge", facts(problem={"code": "challenge_required", "status": 403})),
        ("invitation", facts(problem={"code": "invitation_used_up", "status": 409})),
        ("not_required", facts(problem={"code": "queue_not_required", "status": 409})),
        ("closed", facts(problem={"code": "queue_closed", "status": 409})),
        ("offline", facts(place=place(), problem={"code": "offline", "status": 0})),
        ("unavailable", facts(place=place(), problem={"code": "busy", "status": 503})),
        ("unavailable", facts(place=place(), problem={"code": "internal_error", "status": 500})),
        ("refused", facts(problem={"code": "too_many_accounts", "status": 403})),
    ],
)
def test_every_state_has_its_screen(pure: Pure, screen: str, known: dict[str, object]):
    assert pure(SCREEN, [known, False]) == screen


def test_a_room_without_seats_says_so(pure: Pure):
    assert pure(SCREEN, [facts(place=place(), status=status()), True]) == "sold_out"


# --- the draw


def test_the_page_computes_the_numbers_of_the_draw(pure: Pure):
    key, start = "5f" * 16, 7
    numbers = "(m, [turns, key, start]) => Promise.all(turns.map((n) => m.numberOf(n, key, start)))"
    turns = [1, 2, 1024, 1025, 999_999, 1_048_576]
    drawn = [draw.number_of(nth, key=key, start=start) for nth in turns]
    assert pure(numbers, [turns, key, start]) == drawn
    orders = "(m, [drawn, key, start]) => Promise.all(drawn.map((n) => m.orderOf(n, key, start)))"
    assert pure(orders, [drawn, key, start]) == turns


def test_the_page_makes_the_line_of_the_roster(pure: Pure):
    performance, user = uuid4(), uuid4()
    line = pure("(m, [p, u, n]) => m.rosterLine(p, u, n)", [str(performance), str(user), 4711])
    assert line == draw.roster_line(performance, user, 4711).hex()


def drawn_document(**changes: object) -> dict[str, object]:
    seed = "ab" * 16
    commitment = sha256(seed.encode()).hexdigest()
    return {
        "seed": seed, "commitment": commitment, "beacon": None, "start": 0, "numbers": 1_048_576,
        "entrants": 10, "performance_id": "p", **changes,
    }  # fmt: skip


VERIFY = "(m, [draw, number, noted]) => m.verify(draw, number, noted ?? undefined)"


def test_a_right_draw_is_found_right(pure: Pure):
    document = drawn_document()
    number = draw.number_of(3, key="ab" * 16, start=0)
    assert pure(VERIFY, [document, number, document["commitment"]]) == {"isRight": True, "nth": 3}


@pytest.mark.control
@pytest.mark.parametrize(
    ("why", "changes", "nth", "noted"),
    [
        ("commitment", {}, 3, "0" * 64),
        ("seed", {"seed": "cd" * 16}, 3, None),
        ("number", {}, 11, None),
        ("beacon", {"beacon": {"mixed": False, "value": "ff"}}, 3, None),
    ],
)
def test_a_wrong_draw_is_found_wrong(pure: Pure, why: str, changes: Any, nth: int, noted: Any):
    number = draw.number_of(nth, key="ab" * 16, start=0)
    assert pure(VERIFY, [drawn_document(**changes), number, noted])["why"] == why


# --- clocks, time-outs, proofs of work


def test_the_servers_clock_is_the_best_of_several_documents(pure: Pure):
    offsets = pure(
        """(m) => {
          const clock = new m.ServerClock();
          // The server is 5,000 ms ahead; documents are 900, 100 and 600 ms old.
          return [[1000, 5100], [2000, 6900], [3000, 7400]].map(([received, asOf]) => {
            clock.observe(asOf, received, received);
            return clock.offset;
          });
        }"""
    )
    assert offsets == [4100, 4900, 4900]


def test_a_device_whose_time_was_set_is_measured_again(pure: Pure):
    offset = pure(
        """(m) => {
          const clock = new m.ServerClock();
          clock.observe(5000, 1000, 1000);
          clock.observe(63000, 121000, 2000);
          return clock.offset;
        }"""
    )
    assert offset == -58_000


def test_an_answer_that_stalls_in_its_middle_is_given_up(pure: Pure):
    fetched = "(m) => m.fetchInTime('/stalls/', {}, { seconds: 0.5 }).then(() => 'all of it', "
    assert pure(f"{fetched} (late) => late.code)") == "timeout"


def test_the_time_left_is_said_once_at_each_mark(pure: Pure):
    marks = "(m, [before, now]) => m.marksBetween(before, now)"
    assert pure(marks, [301, 300]) == [300]
    assert pure(marks, [300, 299]) == []
    assert pure(marks, [400, 20]) == [300, 120, 60, 30]


def test_looks_at_a_payment_slow_down(pure: Pure):
    waits = pure("(m) => [0, 1, 2, 10].map(m.lookAfter)")
    assert waits == [1, 1.5, 2.25, 10]


def test_work_is_counted_in_zero_bits(pure: Pure):
    count = "(m, bytes) => m.leadingZeroBits(Uint8Array.from(bytes))"
    assert [pure(count, one) for one in ([128], [1], [0, 64], [0, 0])] == [0, 7, 9, 16]


# --- words

# What no script of a page meets: what no page does, and what pages made here show themselves.
NOT_ON_PAGES = NO_PAGES_CODES | {
    "account_in_use", "already_cancelled", "body_too_large", "cancellation_too_late",
    "concert_not_found", "deed_not_allowed", "email_taken", "idempotency_key_invalid",
    "idempotency_key_required",
    "last_way_in", "malformed_request", "method_not_allowed", "not_found", "offer_not_checked",
    "offer_not_found", "passkey_invalid", "passkey_limit", "provider_connected", "provider_taken",
    "reauthentication_required", "reservation_not_cancellable", "seats_not_in_reservation",
    "staff_account", "ticket_not_found", "ticket_used", "uri_too_long", "validation_failed",
}  # fmt: skip
WORDED = """(m) => [...m.COMMON_CODES,
  ...[m.QUEUE_WORDS, m.SEATS_WORDS, m.CHECKOUT_WORDS].flatMap((words) => Object.keys(words))]"""


def documented_codes() -> set[str]:
    return set(re.findall(r'<a id="(\w+)"></a>', (ROOT / "docs" / "errors.md").read_text()))


def without_words(codes: set[str], worded: set[str]) -> set[str]:
    return codes - worded - NOT_ON_PAGES


def test_every_code_that_a_page_can_meet_has_words(pure: Pure):
    assert without_words(documented_codes(), set(pure(WORDED))) == set()
    assert documented_codes() >= NOT_ON_PAGES


@pytest.mark.control
def test_a_new_code_without_words_is_noticed(pure: Pure):
    assert without_words({"brand_new"}, set(pure(WORDED))) == {"brand_new"}


def test_words_without_a_code_of_ours_are_those_of_the_network(pure: Pure):
    assert set(pure(WORDED)) - documented_codes() <= {"offline", "timeout", "csrf_failed"}


@pytest.mark.parametrize("words", ["QUEUE_WORDS", "SEATS_WORDS", "CHECKOUT_WORDS"])
def test_each_language_keeps_to_itself(pure: Pure, words: str):
    for code, text in pure(f"(m) => m.{words}").items():
        assert re.search("[가-힣]", text["ko"]), code
        assert not re.search("[가-힣]", text["en"]), code
