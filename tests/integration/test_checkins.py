"""What a scan does: admit once, say why not, be undone; a batch as its scans one by one."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection

from accounts.models import AuditEntry
from concerts.models import Performance
from kernel import clock
from kernel.errors import DomainError
from kernel.ids import uuid7
from tests.support import factories
from tests.support.doors import KEEPER, admit, live_checkins, scan
from tests.support.round_trips import counted_round_trips
from tests.support.tickets import sell
from tickets import errors, operations, queries
from tickets.models import Checkin, Ticket
from tickets.queries import qr_payload
from tickets.usecases import checkins
from tickets.usecases.checkins import Doorkeeper


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=12, max_seats_per_fan=10)


@pytest.fixture
def ticket(fan, performance):
    return sell(fan, performance, 1)[0]


def admit_many(scans, *, here=None, by=KEEPER, now=None):
    return checkins.admit_many(scans=scans, performance_id=here, by=by, now=now or clock.now())


def said(outcomes):
    return [one.code if isinstance(one, DomainError) else "admitted" for one in outcomes]


def status(ticket):
    return Ticket.objects.get(pk=ticket.pk).status


def test_a_ticket_admits_once_and_the_second_gate_hears_where(ticket, performance):
    now = clock.now()
    result = admit(ticket, gate="north", now=now)
    assert (result.seat.section, result.seat.row, result.seat.number) == ("A", "1", "1")
    assert status(ticket) == "USED"
    with pytest.raises(errors.AlreadyAdmitted) as refusal:
        admit(ticket, gate="south")
    assert refusal.value.extras == {"at": now, "gate": "north"}


def test_the_same_scan_again_is_the_same_admission_whatever_happened_meanwhile(ticket):
    first = admit(ticket, scan_id="once")
    assert admit(ticket, scan_id="once", gate="another") == first
    Ticket.objects.update(status="VOID")
    assert admit(ticket, scan_id="once") == first
    Performance.objects.update(starts_at=clock.now() - timedelta(days=9))
    assert admit(ticket, scan_id="once") == first
    assert Checkin.objects.count() == 1


def test_a_scan_id_names_one_ticket_of_a_performance(fan, performance):
    one, other = sell(fan, performance, 2)
    elsewhere = sell(fan, factories.make_performance(seats=1), 1)[0]
    admit(one, scan_id="7")
    with pytest.raises(errors.ScanIdReused):
        admit(other, scan_id="7")
    admit(elsewhere, scan_id="7")
    assert (live_checkins(other), live_checkins(elsewhere)) == (0, 1)


def test_a_refused_scan_leaves_nothing_and_may_be_sent_again(ticket):
    Ticket.objects.update(status="VOID")
    with pytest.raises(errors.TicketVoid):
        admit(ticket, scan_id="7")
    assert not Checkin.objects.exists()
    Ticket.objects.update(status="VALID")
    admit(ticket, scan_id="7")


def test_a_ticket_is_for_its_performance_alone(ticket):
    with pytest.raises(errors.WrongPerformance):
        admit(ticket, at=factories.make_performance(seats=1))
    keeper = Doorkeeper(api_key_id=uuid7(), performances=frozenset({uuid7()}))
    with pytest.raises(errors.WrongPerformance):
        admit(ticket, by=keeper)
    assert status(ticket) == "VALID"


@pytest.mark.parametrize(
    ("doors", "hours", "open_"),
    [
        (2, -14.01, False),
        (2, -13.99, True),
        (None, -12.01, False),
        (None, -11.99, True),
        (2, 0, True),
        (2, 5.99, True),
        (2, 6.01, False),
    ],
)
def test_tickets_admit_from_twelve_hours_before_the_doors_until_six_after_the_start(
    ticket, settings, doors, hours, open_
):
    """`doors` open that many hours before the start; the scan is `hours` after the start."""
    settings.CHECKINS_WAIT_FOR_DOORS = True
    starts = Performance.objects.get(pk=ticket.performance_id).starts_at
    Performance.objects.filter(pk=ticket.performance_id).update(
        doors_open_at=doors and starts - timedelta(hours=doors)
    )
    now = starts + timedelta(hours=hours)
    if open_:
        admit(ticket, now=now)
    else:
        with pytest.raises(errors.DoorsClosed):
            admit(ticket, now=now)


def test_the_door_is_given_the_times_that_it_is_judged_by(performance, settings):
    start, hour = performance.starts_at, timedelta(hours=1)
    times = checkins.door_times(performance)
    assert times.opens_at is None
    assert (times.closes_at, times.kept_until) == (start + 6 * hour, start + 24 * hour)
    settings.CHECKINS_WAIT_FOR_DOORS = True
    performance.doors_open_at = start - 2 * hour
    assert checkins.door_times(performance).opens_at == start - 14 * hour


def test_without_the_setting_a_ticket_admits_a_month_early_and_never_too_late(ticket):
    starts = Performance.objects.get(pk=ticket.performance_id).starts_at
    with pytest.raises(errors.DoorsClosed):
        admit(ticket, now=starts + timedelta(hours=7))
    admit(ticket)


def test_the_qr_payload_and_the_typed_code_are_one_ticket(ticket):
    row = Ticket.objects.select_related("performance").get()
    text = qr_payload(row)
    result = checkins.admit(
        scan=scan(text), performance_id=ticket.performance_id, by=KEEPER, now=clock.now()
    )
    with pytest.raises(errors.AlreadyAdmitted):
        admit(ticket)
    assert Checkin.objects.get().pk == result.id
    [forged] = admit_many([scan(text[:-1] + ("0" if text[-1] != "0" else "1"))])
    assert isinstance(forged, errors.TicketNotFound)


def test_a_printed_ticket_still_opens_after_its_performance_was_postponed(ticket):
    text = qr_payload(Ticket.objects.select_related("performance").get())
    later = clock.now() + timedelta(days=60)
    Performance.objects.update(starts_at=later)
    checkins.admit(
        scan=scan(text, scanned_at=later),
        performance_id=ticket.performance_id,
        by=KEEPER,
        now=later,
    )


def test_an_undone_ticket_admits_again_by_another_scan(ticket):
    staff = Doorkeeper(user_id=factories.make_user(is_staff=True).pk)
    first = admit(ticket, scan_id="first")
    for _ in range(2):
        checkins.undo(checkin_id=first.id, by=staff, now=clock.now())
    assert status(ticket) == "VALID"
    entry = AuditEntry.objects.get(action="tickets.undo_checkin")
    assert (entry.actor_id, entry.target_id) == (staff.user_id, str(first.id))
    with pytest.raises(errors.ScanUndone):
        admit(ticket, scan_id="first")
    second = admit(ticket, scan_id="second")
    checkins.undo(checkin_id=first.id, by=staff, now=clock.now())
    assert (status(ticket), live_checkins(ticket)) == ("USED", 1)
    assert second.id != first.id


def test_undoing_makes_no_void_ticket_good(ticket):
    first = admit(ticket)
    Ticket.objects.update(status="VOID")
    checkins.undo(checkin_id=first.id, by=KEEPER, now=clock.now())
    assert status(ticket) == "VOID"


def test_a_key_of_other_performances_undoes_nothing(ticket):
    first = admit(ticket)
    keeper = Doorkeeper(api_key_id=uuid7(), performances=frozenset({uuid7()}))
    for key in (first.id, uuid7()):
        with pytest.raises(errors.CheckinNotFound):
            checkins.undo(checkin_id=key, by=keeper, now=clock.now())
    assert live_checkins(ticket) == 1


def test_a_batch_is_what_its_scans_are_one_by_one(fan, settings):
    """Differential: every outcome there is, in one order, on two performances of one shape."""
    results = []
    for way in (together, one_by_one):
        performance = factories.make_performance(seats=8, max_seats_per_fan=10)
        tickets = sell(fan, performance, 6)
        elsewhere = sell(fan, factories.make_performance(seats=1), 1)[0]
        Ticket.objects.filter(pk=tickets[5].pk).update(status="VOID")
        undone = admit(tickets[4], scan_id="undone")
        checkins.undo(checkin_id=undone.id, by=KEEPER, now=clock.now())
        admit(tickets[3], scan_id="before", gate="east")
        late = performance.starts_at + timedelta(hours=7)
        scans = [
            scan(tickets[0].code, scan_id="a"),
            scan(tickets[0].code, scan_id="b", gate="2"),
            scan(tickets[0].code, scan_id="a"),
            scan(tickets[1].code, scan_id="a"),
            scan(tickets[1].code, scan_id="c"),
            scan(tickets[2].code, scan_id="late", scanned_at=late),
            scan(tickets[3].code, scan_id="before"),
            scan(tickets[3].code, scan_id="after"),
            scan(tickets[4].code, scan_id="undone"),
            scan(tickets[4].code, scan_id="again"),
            scan(tickets[5].code, scan_id="void"),
            scan(elsewhere.code, scan_id="else"),
            scan("nothing", scan_id="d"),
            scan("", scan_id="e"),
        ]
        outcomes = way(scans, performance, now=late)
        left = Checkin.objects.filter(performance=performance).order_by("scan_id")
        results.append(
            (
                said(outcomes),
                [one.extras.get("gate") for one in outcomes if isinstance(one, DomainError)],
                list(left.values_list("scan_id", "gate", "ticket__seat__index")),
                list(
                    Ticket.objects.filter(performance=performance)
                    .order_by("seat__index")
                    .values_list("status", flat=True)
                ),
            )
        )
    assert results[0] == results[1]
    assert results[0][0] == [
        "admitted",
        "already_admitted",
        "admitted",
        "scan_id_reused",
        "admitted",
        "doors_closed",
        "admitted",
        "already_admitted",
        "scan_undone",
        "admitted",
        "ticket_void",
        "wrong_performance",
        "ticket_not_found",
        "ticket_not_found",
    ]


def together(scans, performance, *, now):
    return admit_many(scans, here=performance.pk, now=now)


def one_by_one(scans, performance, *, now):
    return [outcome for one in scans for outcome in admit_many([one], here=performance.pk, now=now)]


def test_a_batch_costs_as_many_statements_for_ten_scans_as_for_one(fan, performance):
    tickets = [*sell(fan, performance, 1), *sell(factories.make_user(), performance, 10)]
    costs = []
    for some in (tickets[:1], tickets[1:]):
        with counted_round_trips() as counts:
            outcomes = admit_many([scan(one.code) for one in some])
        assert said(outcomes) == ["admitted"] * len(some)
        costs.append(len(counts.sql))
    assert costs[0] == costs[1] <= 6


def test_a_scanner_that_is_ahead_or_far_behind_is_believed_within_bounds(fan, performance):
    one, other, third = sell(fan, performance, 3)
    now = clock.now()
    admit_many(
        [
            scan(one.code, scanned_at=now + timedelta(days=400)),
            scan(other.code, scanned_at=now - timedelta(days=400)),
            scan(third.code, scanned_at=now - timedelta(hours=2)),
        ],
        now=now,
    )
    kept = Checkin.objects.order_by("ticket__seat__index").values_list("admitted_at", flat=True)
    assert list(kept) == [now, now - timedelta(days=3), now - timedelta(hours=2)]
    assert set(Checkin.objects.values_list("recorded_at", flat=True)) == {now}


def test_the_list_names_tickets_by_hash_and_holders_by_initials(fan, performance):
    fan.display_name = "홍길동 kim minji lee"
    fan.save()
    one, other = sell(fan, performance, 2)
    admit(one, gate="west")
    found = queries.admission_list(performance_id=performance.pk)
    assert [entry.code_hash for entry in found] == [
        queries.code_hash(performance.pk, ticket.code) for ticket in (one, other)
    ]
    assert {entry.initials for entry in found} == {"홍KM"}
    assert [(entry.status, entry.gate) for entry in found] == [("USED", "west"), ("VALID", None)]


def test_the_list_since_a_time_has_what_changed_by_any_writer(fan, performance):
    one, other, _ = sell(fan, performance, 3)
    Ticket.objects.update(changed_at=clock.now() - timedelta(hours=1))
    since = clock.now() - timedelta(minutes=5)

    def changed():
        found = queries.admission_list(performance_id=performance.pk, since=since)
        return {entry.code_hash for entry in found}

    def named(*tickets):
        return {queries.code_hash(performance.pk, ticket.code) for ticket in tickets}

    assert changed() == set()
    admit(one)
    Ticket.objects.filter(pk=other.pk).update(status="VOID")
    assert changed() == named(one, other)


@pytest.mark.control
def test_control_without_the_trigger_a_change_is_not_in_it(fan, performance):
    [one] = sell(fan, performance, 1)
    Ticket.objects.update(changed_at=clock.now() - timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tickets_ticket DISABLE TRIGGER tickets_note_change")
    try:
        admit(one)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tickets_ticket ENABLE TRIGGER tickets_note_change")
    since = clock.now() - timedelta(minutes=5)
    assert queries.admission_list(performance_id=performance.pk, since=since) == []


def test_the_table_keeps_one_live_check_in_of_a_ticket(ticket):
    admit(ticket)
    with pytest.raises(IntegrityError, match="tickets_checkin_live_unique"):
        Checkin.objects.create(
            ticket=ticket,
            performance_id=ticket.performance_id,
            scan_id="x",
            gate="1",
            admitted_at=clock.now(),
            recorded_at=clock.now(),
            api_key_id=uuid7(),
        )


def test_operations_insist_on_a_transaction(ticket):
    with pytest.raises(RuntimeError):
        operations.write_checkins(checkins=[])
