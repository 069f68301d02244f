"""Scans that gates let in and the server refused: which are kept, how long, and what is shown."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from boxoffice.door import pages
from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from tests.support import factories
from tests.support.doors import BATCH, live_checkins
from tests.support.machines import machine, make_key
from tests.support.staff_pages import browser_of
from tests.support.staff_roles import browser_as, member
from tests.support.tickets import sell
from tickets import policy
from tickets.models import RefusedScan, UnlistedScans
from tickets.tasks import purge_refused_scans


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=12, max_seats_per_fan=10)


@pytest.fixture
def tickets(fan, performance):
    return sell(fan, performance, 3)


@pytest.fixture
def door(db_ready) -> Client:
    return browser_as("door")


def scans_of(code, number, *, gate="South", at=None):
    """Return scans of a code at a gate without a network, each another one."""
    moment = clock.as_text(at or clock.now())
    facts = {"code": code, "gate": gate, "scanned_at": moment}
    return [facts | {"scan_id": str(uuid7())} for _ in range(number)]


def send(door, performance, scans):
    for start in range(0, len(scans), policy.SCANS_AT_ONCE):
        answer = door.post(
            reverse("door_documents:batch", args=[performance.pk]),
            json.dumps({"scans": scans[start : start + policy.SCANS_AT_ONCE]}),
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content


def rows_at(gate):
    return RefusedScan.objects.filter(gate=gate).count()


def unlisted():
    return UnlistedScans.objects.values_list("scans", flat=True).first() or 0


def shown(performance, language="en", role="operator"):
    with override(language):
        return browser_as(role).get(reverse("door:conflicts", args=[performance.pk])).text


def test_of_one_ticket_at_one_gate_a_few_scans_are_kept_and_the_others_are_counted(
    door, performance, tickets
):
    first, second, _ = tickets
    send(door, performance, scans_of(first.code, 1, gate="North"))  # which admits
    send(door, performance, scans_of(first.code, policy.REFUSED_OF_ONE_TICKET + 3))
    assert rows_at("South") == policy.REFUSED_OF_ONE_TICKET
    assert unlisted() == 3
    send(door, performance, scans_of(first.code, 1, gate="East"))  # another gate has room
    send(door, performance, scans_of(second.code, 2))  # and another ticket
    assert (rows_at("East"), rows_at("South")) == (1, policy.REFUSED_OF_ONE_TICKET + 1)
    assert live_checkins(first) == 1
    assert "3 more scans" in shown(performance)
    assert "스캔 3건" in shown(performance, "ko")


def test_codes_that_no_ticket_has_are_kept_up_to_a_number_at_each_gate(
    door, performance, monkeypatch
):
    monkeypatch.setattr(policy, "REFUSED_OF_UNKNOWN_CODES", 7)
    codes = [f"{nth:012d}" for nth in range(10)]
    send(door, performance, [scan for code in codes for scan in scans_of(code, 1)])
    send(door, performance, scans_of(codes[0], 1, gate="East"))
    assert (rows_at("South"), rows_at("East"), unlisted()) == (7, 1, 3)


def test_a_performance_has_a_last_row_whatever_its_gates_are_called(door, performance, monkeypatch):
    monkeypatch.setattr(policy, "REFUSED_AT_PERFORMANCE", 20)
    gates = [f"gate {nth}" for nth in range(30)]
    send(door, performance, [one for gate in gates for one in scans_of("0" * 12, 1, gate=gate)])
    assert (RefusedScan.objects.count(), unlisted()) == (20, 10)
    other = factories.make_performance(seats=1)
    send(door, other, scans_of("0" * 12, 1))
    assert RefusedScan.objects.filter(performance=other).count() == 1


@pytest.mark.control
def test_control_without_a_bound_each_scan_has_a_row(door, performance, tickets, monkeypatch):
    for name in ("REFUSED_OF_ONE_TICKET", "REFUSED_OF_UNKNOWN_CODES"):
        monkeypatch.setattr(policy, name, 10_000)
    send(door, performance, scans_of(tickets[0].code, 9))  # one admits
    send(door, performance, scans_of("0" * 12, 300))
    assert (RefusedScan.objects.count(), unlisted()) == (308, 0)


def test_a_batch_that_is_sent_again_counts_nothing_that_has_a_row(door, performance):
    scans = scans_of("0" * 12, 3)
    for _ in range(2):
        send(door, performance, scans)
    assert (RefusedScan.objects.count(), unlisted()) == (3, 0)


def test_refused_scans_are_deleted_at_the_end_of_their_retention(door, performance, settings):
    send(door, performance, scans_of("0" * 12, 3))
    UnlistedScans.objects.create(performance=performance, scans=4, latest_at=clock.now())
    assert purge_refused_scans.run() == 0
    old = clock.now() - timedelta(days=settings.REFUSED_SCAN_RETENTION_DAYS, seconds=1)
    RefusedScan.objects.filter(pk=RefusedScan.objects.first().pk).update(recorded_at=old)
    assert purge_refused_scans.run() == 1
    assert (RefusedScan.objects.count(), unlisted()) == (2, 4)
    UnlistedScans.objects.update(latest_at=old)
    assert purge_refused_scans.run() == 0
    assert (RefusedScan.objects.count(), unlisted()) == (2, 0)


@pytest.mark.control
def test_control_a_clock_that_is_ahead_deletes_nothing_before_its_time(
    door, performance, monkeypatch, settings
):
    send(door, performance, scans_of("0" * 12, 1))
    later = clock.now() + timedelta(days=settings.REFUSED_SCAN_RETENTION_DAYS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert purge_refused_scans.run() == 0
    monkeypatch.setattr("tickets.usecases.upkeep.no_later_than_primary", lambda now: now)
    assert purge_refused_scans.run() == 1  # what the primary's time guards


def test_the_page_says_that_there_are_more_than_it_shows(door, performance, monkeypatch):
    send(door, performance, scans_of("0" * 12, 3))
    assert "earlier ones" not in shown(performance)
    monkeypatch.setattr(pages, "LISTED", 2)
    text = shown(performance)
    assert "These are the latest 2. 1 earlier ones are in the admin" in text
    assert "이전 기록 1건" in shown(performance, "ko")


def test_the_page_says_who_scanned(performance, tickets):
    scanner = member("door")
    scanner.display_name = "Kim Minji"
    scanner.save(update_fields=["display_name"])
    send(browser_of(scanner), performance, scans_of("0" * 12, 1))
    key = make_key()
    scans = {"performance_id": str(performance.pk), "scans": scans_of("1" * 12, 1)}
    assert machine(key).post(BATCH, scans, format="json").status_code == 200
    for role in ("operator", "finance", "door"):
        text = shown(performance, role=role)
        assert "Kim Minji" in text, role
        assert "gate 3" in text, role


# --- the limit of searches


@pytest.fixture
def few_searches(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"door_search": "2/hour"}
    throttle.forget_callers()
    yield
    throttle.forget_callers()


def search(door, performance):
    return door.post(
        reverse("door_documents:search", args=[performance.pk]),
        json.dumps({"words": "kim"}),
        content_type="application/json",
    )


def test_searches_have_a_limit_of_their_own_and_scans_go_on(
    few_searches, door, performance, tickets
):
    assert [search(door, performance).status_code for _ in range(2)] == [200, 200]
    spent = search(door, performance)
    assert (spent.status_code, spent.json()["code"]) == (429, "rate_limited")
    assert int(spent.headers["Retry-After"]) > 0
    assert '"door_search"' in spent.headers["RateLimit-Policy"]
    send(door, performance, scans_of(tickets[0].code, 1))
    assert live_checkins(tickets[0]) == 1


@pytest.mark.control
def test_control_another_member_of_staff_has_another_limit(few_searches, door, performance):
    while search(door, performance).status_code != 429:
        pass
    assert search(browser_as("door"), performance).status_code == 200
