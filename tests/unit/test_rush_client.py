"""The rehearsal's client buys like fans do, records what it saw, and notices broken promises."""

import base64
import json
from dataclasses import replace
from threading import Timer

import pytest

from proof.history import recorded
from proof.history.checker import contradictions, with_data
from proof.rush import cards, client, driving, lives
from proof.rush.choosing import FanKind, fan_plan
from proof.rush.client import HISTORY, SUMMARY, ClientJob, write_job
from proof.rush.profiles import PROFILES, STEADY, RushProfile
from tests.support.rush_site import HOLD_SECONDS, PERFORMANCE, PRICE, RushSite, rush_site

PEOPLE = RushProfile(
    "test", fans=20, seats=10, arrival_seconds=0.1, share_paying=1.0, share_walking_away=0.0,
    share_double_clicking=0.0, share_retrying=0.0, share_bots=0.0, share_by_card=0.0,
    share_looking_back=0.0, share_trying_late=0.0, connections=20, longest_seconds=20.0,
)  # fmt: skip


def login_of(user_id: str) -> str:
    """Return what looks like an access token of a fan."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user_id}).encode()).rstrip(b"=").decode()
    return f"head.{claims}.signature-of-{user_id}"


def play(
    site: RushSite, folder, profile: RushProfile = PEOPLE, *, has_queue: bool = True, **more: object
):
    """Return what the client summed up and the history it recorded."""
    logins = [(f"user-{n}", login_of(f"user-{n}")) for n in range(profile.fans)]
    site.logins = {f"Bearer {token}" for _, token in logins}
    job = ClientJob(site.port, 0, PERFORMANCE, has_queue, profile.as_json(), 1, logins, **more)
    write_job(folder, job)
    client.main(folder)
    return json.loads((folder / SUMMARY).read_text()), recorded.read(folder / HISTORY).operations


def test_fans_buy_until_nothing_is_left(tmp_path):
    with rush_site() as site:
        seen, history = play(site, tmp_path)
    assert len(site.sold) == site.seats
    assert (seen["left"], seen["findings"]) == (0, [])
    assert seen["sold_out_after"] > 0
    assert sum(seen["outcomes"].values()) == PEOPLE.fans
    paid = [one for one in history if one.op == "pay"]
    assert {seat for one in paid for seat in one.seat_ids} == set(site.ids())
    assert {one.amount for one in paid} == {2 * PRICE}


def test_every_request_is_recorded_with_when_it_was_due_and_what_became_of_it(tmp_path):
    with rush_site() as site:
        seen, history = play(site, tmp_path)
    # Before the sale the client itself reads the map and the availability once.
    assert len(history) == len(site.calls) - 2 == seen["load"]["requests"]
    assert all(one.invoked <= one.ended for one in history)
    assert {one.outcome for one in history} <= {"ok", "fail"}
    holds = [one for one in history if one.op == "hold" and one.outcome == "ok"]
    assert {one.reservation_id for one in holds} == set(site.holds)
    assert all(one.user_id.startswith("user-") for one in holds)


def test_who_lets_go_gives_the_seats_back_and_who_walks_away_does_not(tmp_path):
    with rush_site() as site:
        seen, _ = play(site, tmp_path, replace(PEOPLE, share_paying=0.0))
        assert site.owners == {}
    assert seen["outcomes"]["let go"] > 0
    assert seen["sold_out_after"] is None
    with rush_site() as site:
        away = replace(PEOPLE, share_paying=0.0, share_walking_away=1.0)
        seen, _ = play(site, tmp_path, away)
    assert (len(site.owners), len(site.sold)) == (site.seats, 0)
    assert seen["sold_out_after"] is not None  # nobody else can have what they hold


def test_who_is_admitted_reads_as_many_lists_as_the_profile_says(tmp_path):
    with rush_site() as site:
        _, history = play(site, tmp_path, replace(PEOPLE, lists_each=3))
    lists = [one for one in history if one.op == "list"]
    assert len(lists) == 3 * PEOPLE.fans
    assert {one.outcome for one in lists} == {"ok"}


def test_two_clicks_at_once_and_a_request_sent_again_change_nothing(tmp_path):
    eager = replace(PEOPLE, share_double_clicking=1.0, share_retrying=1.0)
    with rush_site() as site:
        seen, history = play(site, tmp_path, eager)
    assert seen["findings"] == []
    assert contradictions(recorded.read(tmp_path / HISTORY)) == []
    for op in ("hold", "pay"):
        keys = [one.key for one in history if one.op == op and one.outcome == "ok"]
        assert all(keys.count(key) == 3 for key in set(keys))


def test_places_and_deadlines_are_recorded_so_that_their_checks_have_data(tmp_path):
    with rush_site() as site:
        _, history = play(site, tmp_path)
    joins = [one for one in history if one.op == "join"]
    assert sorted(one.number for one in joins) == list(range(1, PEOPLE.fans + 1))
    assert {one.state for one in joins} == {"ADMITTED"}
    holds = [one for one in history if one.op == "hold" and one.outcome == "ok"]
    assert all(one.until - one.ended == pytest.approx(HOLD_SECONDS, abs=5) for one in holds)
    seen = recorded.read(tmp_path / HISTORY)
    assert contradictions(seen) == []
    assert {check for check, has_data in with_data(seen).items() if has_data} == {
        "seats_have_one_owner", "nothing_succeeds_on_a_lapsed_hold", "keys_are_honoured",
        "numbers_are_in_order", "nobody_overtakes",
    }  # fmt: skip


@pytest.mark.control
def test_a_key_that_is_answered_in_two_ways_is_noticed(tmp_path):
    eager = replace(PEOPLE, share_retrying=1.0)
    with rush_site(forgets_keys=True, oversells=True) as site:
        seen, _ = play(site, tmp_path, eager)
    assert any(finding.startswith("key ") for finding in seen["findings"])


@pytest.mark.control
def test_a_seat_that_is_sold_twice_is_noticed(tmp_path):
    with rush_site(oversells=True, seats=2) as site:
        seen, _ = play(site, tmp_path)
    assert any("was sold to" in finding for finding in seen["findings"])


@pytest.mark.control
def test_the_checker_of_histories_reads_what_was_recorded(tmp_path):
    eager = replace(PEOPLE, share_retrying=1.0)
    with rush_site(forgets_keys=True, oversells=True) as site:
        play(site, tmp_path, eager)
    found = {one.check for one in contradictions(recorded.read(tmp_path / HISTORY))}
    assert "keys_are_honoured" in found


def test_a_hold_without_an_answer_is_unknown_and_sent_again_with_its_key(tmp_path):
    with rush_site(hangs_up_on=3) as site:
        seen, history = play(site, tmp_path)
    lost = [one for one in history if one.outcome == "unknown"]
    assert [one.op for one in lost] == ["hold"] * 3
    for one in lost:
        assert [two.outcome for two in history if two.key == one.key][-1] == "ok"
    assert (seen["unknown"], seen["findings"], len(site.sold)) == (3, [], site.seats)


def test_what_gets_no_answer_until_time_is_up_is_recorded_as_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(driving, "_LAST_SECONDS", 0.1)
    brief = replace(PEOPLE, connections=5, longest_seconds=1.0)
    with rush_site(is_mute=True) as site:
        seen, history = play(site, tmp_path, brief)
    joins = [one for one in history if one.op == "join"]
    assert len(joins) == PEOPLE.fans  # those that found no connection too
    assert {(one.outcome, one.status) for one in joins} == {("unknown", 0)}
    assert all(one.ended - one.invoked > 0.5 for one in joins)
    assert seen["statuses"]["join 000"] == seen["outcomes"]["not served"] == PEOPLE.fans


def test_who_is_asked_to_come_again_does(tmp_path):
    with rush_site(busy_on=5) as site:
        seen, _ = play(site, tmp_path)
    assert seen["statuses"]["hold 503"] == 5
    assert len(site.sold) == site.seats


def test_a_payment_is_recorded_as_what_its_document_says(tmp_path):
    with rush_site(declines=True, seats=2) as site:
        seen, history = play(site, tmp_path, replace(PEOPLE, fans=1, longest_seconds=5.0))
    assert seen["outcomes"] == {"payment declined": 1}
    assert [(one.outcome, one.status) for one in history if one.op == "pay"] == [("fail", 201)]


def test_a_payment_whose_key_is_in_progress_is_unknown(tmp_path):
    with rush_site(in_progress_on=1, seats=2) as site:
        _, history = play(site, tmp_path, replace(PEOPLE, fans=1))
    found = [(one.outcome, one.status) for one in history if one.op == "pay"]
    assert found == [("unknown", 409), ("ok", 201)]


def test_some_pay_by_card_on_the_gateways_page(tmp_path):
    by_card = replace(PEOPLE, share_by_card=1.0, share_declining=0.0, share_closing=0.0)
    with rush_site() as site:
        seen, history = play(site, tmp_path, by_card)
    assert (len(site.sold), seen["findings"]) == (site.seats, [])
    assert seen["outcomes"]["paid by card"] == site.seats / 2
    assert {one["pressed"] for one in site.cards.values()} == {"approve"}
    paid = [one for one in history if one.op == "pay"]
    assert {(one.method, one.outcome, one.amount) for one in paid} == {("CARD", "ok", 2 * PRICE)}
    begun = [one for one in history if one.op == "begin"]
    assert {one.payment_id for one in begun} == {one.payment_id for one in paid}
    assert [one.op for one in history].count("page") == 2 * len(begun)


def test_who_is_declined_pays_by_points_and_who_closes_the_page_gives_the_seats_back(tmp_path):
    declined = replace(PEOPLE, share_by_card=1.0, share_declining=1.0, share_closing=0.0)
    with rush_site() as site:
        seen, history = play(site, tmp_path, declined)
    assert (len(site.sold), seen["outcomes"]["paid"]) == (site.seats, site.seats / 2)
    assert {one.method for one in history if one.op == "pay"} == {"POINTS"}
    assert {one.outcome for one in history if one.op == "abandon"} == {"ok"}
    closed = replace(declined, share_declining=0.0, share_closing=1.0)
    with rush_site() as site:
        seen, _ = play(site, tmp_path, closed)
    assert (site.owners, site.sold) == ({}, {})
    assert seen["outcomes"]["closed the page"] > 0
    assert seen["sold_out_after"] is None


def test_a_payment_whose_outcome_is_open_is_asked_for_until_it_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "_ASK_SECONDS", 0.01)
    by_card = replace(PEOPLE, fans=1, share_by_card=1.0, share_declining=0.0, share_closing=0.0)
    with rush_site(seats=2, stays_open=3) as site:
        seen, history = play(site, tmp_path, by_card)
    assert seen["outcomes"] == {"paid by card": 1}
    [pay] = [one for one in history if one.op == "pay"]
    asked = [one for one in history if one.op == "payment"]
    assert (pay.outcome, pay.status) == ("unknown", 200)
    assert [one.state for one in asked] == ["PROCESSING", "PROCESSING", "PAID"]
    assert contradictions(recorded.read(tmp_path / HISTORY)) == []


def test_who_looks_back_sees_the_reservation_and_its_tickets(tmp_path):
    with rush_site() as site:
        _, history = play(site, tmp_path, replace(PEOPLE, share_looking_back=1.0))
    assert {one.state for one in history if one.op == "look"} == {"PENDING", "CONFIRMED"}
    shown = [set(one.seat_ids) for one in history if one.op == "tickets"]
    assert set().union(*shown) == set(site.ids())
    seen = recorded.read(tmp_path / HISTORY)
    assert contradictions(seen) == []
    assert with_data(seen)["own_writes_are_visible"]


LATE = replace(PEOPLE, share_paying=0.0, share_trying_late=1.0)


def test_who_let_go_and_pays_all_the_same_is_refused(tmp_path):
    with rush_site() as site:
        _, history = play(site, tmp_path, LATE)
    late = [one for one in history if one.op == "pay"]
    assert late
    assert {(one.outcome, one.code) for one in late} == {("fail", "reservation_not_payable")}
    assert contradictions(recorded.read(tmp_path / HISTORY)) == []


@pytest.mark.control
def test_a_payment_after_letting_go_that_succeeds_is_noticed(tmp_path):
    with rush_site(lets_pay_late=True) as site:
        play(site, tmp_path, LATE)
    found = {one.check for one in contradictions(recorded.read(tmp_path / HISTORY))}
    assert found == {"nothing_succeeds_on_a_lapsed_hold"}


def test_who_walks_away_comes_back_late_where_the_sale_goes_on_that_long(tmp_path, monkeypatch):
    monkeypatch.setattr(lives, "_LAPSED_SECONDS", 0.5 - HOLD_SECONDS)
    away = replace(LATE, fans=1, share_walking_away=1.0)
    with rush_site() as site:
        brief, _ = play(site, tmp_path, away, expected_seconds=0.1)
        assert brief["outcomes"] == {"walked away": 1}
        long, history = play(site, tmp_path, away, expected_seconds=60.0)
    assert long["outcomes"] == {"came back too late": 1}
    [hold] = [one for one in history if one.op == "hold"]
    [late] = [one for one in history if one.op == "pay"]
    assert late.invoked == pytest.approx(hold.until - HOLD_SECONDS + 0.5, abs=0.1)


def test_a_witness_asks_until_every_part_has_recovered(tmp_path, monkeypatch):
    monkeypatch.setattr(lives, "_WITNESS_SECONDS", 0.1)
    with rush_site(seats=2) as site:
        timer = Timer(1.5, client.write_recovered, [tmp_path])
        timer.start()
        seen, history = play(site, tmp_path, replace(PEOPLE, fans=1), has_faults=True)
        timer.join()
    assert seen["outcomes"] == {"paid": 1, "witness": 1}
    asked = [one for one in history if one.op == "balance"]
    assert len(asked) > 2
    assert {one.user_id for one in asked} == {"user-0"}
    assert asked[-1].ended > max(one.ended for one in history if one.op == "pay")


def test_a_witness_leaves_when_time_is_up(tmp_path):
    with rush_site(seats=2) as site:
        brief = replace(PEOPLE, fans=1, longest_seconds=1.0)
        seen, _ = play(site, tmp_path, brief, has_faults=True)
    assert seen["outcomes"]["witness"] == 1


def test_bots_get_what_people_get_and_forgers_nothing(tmp_path):
    bots = replace(PEOPLE, share_bots=1.0, fans=30)
    kinds = {fan_plan(bots, seed=1, number=n).kind for n in range(30)}
    assert kinds == set(FanKind) - {FanKind.PERSON}
    with rush_site() as site:
        seen, history = play(site, tmp_path, bots)
    assert seen["findings"] == []
    assert {one.outcome for one in history if one.op == "forge"} == {"fail"}
    assert len(site.sold) == site.seats


@pytest.mark.control
def test_a_forged_request_that_succeeds_is_noticed(tmp_path):
    bots = replace(PEOPLE, share_bots=1.0, fans=30)
    with rush_site(believes_everybody=True) as site:
        seen, _ = play(site, tmp_path, bots)
    assert any("forged" in finding for finding in seen["findings"])


def test_a_sale_without_a_waiting_room_is_bought_as_well(tmp_path):
    with rush_site() as site:
        site.believes_everybody = True
        seen, history = play(site, tmp_path, has_queue=False)
    assert len(site.sold) == site.seats
    assert "join" not in {one.op for one in history}
    assert seen["samples"] == []


def test_a_steady_visitor_makes_ten_requests_of_a_mix(tmp_path, monkeypatch):
    monkeypatch.setattr(lives, "_STEADY_PAUSE", 0.01)
    steady = replace(PEOPLE, shape=STEADY, fans=40, seats_each=1)
    with rush_site(seats=40) as site:
        _, history = play(site, tmp_path, steady)
    ops = [one.op for one in history if one.process >= 0]
    assert ops.count("join") == ops.count("status") == 40
    assert ops.count("poll") == 5 * 40
    assert 7 * 40 < len(ops) <= 11 * 40
    assert PROFILES["steady"].fans * 10 / PROFILES["steady"].arrival_seconds == 1_000
