"""Many gates at once: a ticket admits one person, a scan counts once, and nobody waits for ever."""

import pytest
from django.db import connection, connections

from kernel import clock
from kernel.errors import DomainError
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.doors import KEEPER, admit, live_checkins, scan
from tests.support.interleaving import meet_after
from tests.support.tickets import sell
from tickets import locking, queries
from tickets.checkin_models import LIVE_UNIQUE
from tickets.errors import AlreadyAdmitted, ScanIdReused
from tickets.models import Checkin, Ticket
from tickets.queries import CheckinResult
from tickets.usecases import checkins

pytestmark = pytest.mark.concurrency


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=40, max_seats_per_fan=20)


def race_of_gates(ticket, gates=8):
    return at_once([lambda gate=gate: admit(ticket, gate=str(gate)) for gate in range(gates)])


def test_of_many_gates_one_admits_and_the_others_say_which(fan, performance):
    for ticket in sell(fan, performance, 5):
        outcomes = race_of_gates(ticket)
        admitted = [one for one in outcomes if isinstance(one, CheckinResult)]
        refused = [one for one in outcomes if isinstance(one, AlreadyAdmitted)]
        assert (len(admitted), len(refused)) == (1, 7)
        assert {one.extras["gate"] for one in refused} == {Checkin.objects.get(ticket=ticket).gate}
        assert live_checkins(ticket) == 1


def without_the_lock(monkeypatch):
    def look(*, codes):
        rows = Ticket.objects.filter(code__in=codes)
        return list(rows.select_related("seat__section", "user", "performance").order_by("pk"))

    monkeypatch.setattr(locking, "lock_tickets", look)


@pytest.mark.control
def test_control_without_lock_and_constraint_two_gates_admit(fan, performance, monkeypatch):
    without_the_lock(monkeypatch)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {LIVE_UNIQUE}")
    meet_after(monkeypatch, queries, "known_checkins", threads=2)
    try:
        [ticket] = sell(fan, performance, 1)
        race_of_gates(ticket, gates=2)
        assert live_checkins(ticket) == 2
    finally:
        Checkin.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE UNIQUE INDEX {LIVE_UNIQUE} ON tickets_checkin (ticket_id)"
                " WHERE undone_at IS NULL"
            )


def test_one_scan_sent_fifty_times_at_once_admits_once(fan, performance):
    [ticket] = sell(fan, performance, 1)
    outcomes = at_once([lambda: admit(ticket, scan_id="once")] * 50)
    assert {type(one) for one in outcomes} == {CheckinResult}, outcomes
    assert len({one.id for one in outcomes}) == 1
    assert Checkin.objects.count() == 1


def test_one_scan_id_of_two_tickets_at_once_names_one_of_them(fan, performance):
    tickets = sell(fan, performance, 20)
    for n, pair in enumerate(zip(tickets[::2], tickets[1::2], strict=True)):
        outcomes = at_once([lambda one=one, n=n: admit(one, scan_id=f"s{n}") for one in pair])
        assert sorted(type(one).__name__ for one in outcomes) == ["CheckinResult", "ScanIdReused"]
        assert sum(map(live_checkins, pair)) == 1


def test_batches_of_the_same_tickets_in_any_order_admit_each_once(fan, performance):
    tickets = sell(fan, performance, 20)

    def send(order, gate):
        scans = [scan(one.code, gate=gate) for one in order]
        return checkins.admit_many(scans=scans, performance_id=None, by=KEEPER, now=clock.now())

    batches = at_once(
        [
            lambda: send(tickets, "1"),
            lambda: send(tickets[::-1], "2"),
            lambda: send(tickets[::2] + tickets[1::2], "3"),
        ]
    )
    admitted = [one for batch in batches for one in batch if isinstance(one, CheckinResult)]
    refused = [one for batch in batches for one in batch if isinstance(one, DomainError)]
    assert (len(admitted), {type(one) for one in refused}) == (20, {AlreadyAdmitted})
    assert Checkin.objects.filter(undone_at=None).count() == 20


def test_a_batch_with_a_scan_id_that_another_takes_meanwhile_loses_that_scan_alone(
    fan, performance, monkeypatch
):
    one, other, third = sell(fan, performance, 3)
    write = checkins.operations.write_checkins
    taken = []

    def taken_meanwhile(*, checkins):
        if not taken:
            taken.append(at_once([lambda: admit_elsewhere(other)]))
        write(checkins=checkins)

    def admit_elsewhere(ticket):
        try:
            return admit(ticket, scan_id="contested")
        finally:
            connections.close_all()

    monkeypatch.setattr(checkins.operations, "write_checkins", taken_meanwhile)
    scans = [scan(one.code, scan_id="contested"), scan(third.code)]
    outcomes = checkins.admit_many(scans=scans, performance_id=None, by=KEEPER, now=clock.now())
    assert isinstance(outcomes[0], ScanIdReused)
    assert isinstance(outcomes[1], CheckinResult)
    assert [live_checkins(ticket) for ticket in (one, other, third)] == [0, 1, 1]


def test_undoing_at_once_is_one_undo(fan, performance):
    [ticket] = sell(fan, performance, 1)
    made = admit(ticket)
    outcomes = at_once([lambda: checkins.undo(checkin_id=made.id, by=KEEPER, now=clock.now())] * 6)
    assert outcomes == [None] * 6
    assert (live_checkins(ticket), Ticket.objects.get().status) == (0, "VALID")
