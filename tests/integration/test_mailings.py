"""A letter to all holders is written in bounded batches that any worker goes on with."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.cloudevents import Event
from events.consumers import apply_many
from events.models import InboxEntry
from kernel import clock
from kernel.ids import uuid7
from notifications import locking, operations, policy
from notifications.consumers import notifications
from notifications.models import Mailing, Notification
from notifications.usecases import mailings
from tests.support.concurrency import at_once, race
from tests.support.factories import make_performance
from tests.support.interleaving import meet_after
from tests.support.money import begin, buyers
from tickets.models import Ticket

HOLDERS, BATCH = 7, 3


@pytest.fixture
def performance(db_ready, monkeypatch):
    monkeypatch.setattr(policy, "LETTERS_A_TRANSACTION", BATCH)
    return make_performance(seats=20, price=100)


@pytest.fixture
def holders(performance):
    found = buyers(performance, HOLDERS, seats=2)
    for fan, held in found:
        begin(fan, held.id)
    return [fan for fan, _ in found]


def postponed(performance) -> Event:
    data = {"performance_id": str(performance.pk), "reason": "storm", "starts_at": None}
    kind = "performance.postponed"
    return Event(uuid7(), "/frontrow/concerts", kind, str(performance.pk), clock.now(), data)


def read(event) -> None:
    apply_many(notifications, [event], now=clock.now())


def carry_on() -> int:
    return mailings.carry_on(now=clock.now())


def each_has_one(holders) -> bool:
    written = list(Notification.objects.values_list("user_id", flat=True))
    assert sorted(written) == sorted(fan.pk for fan in holders)
    mailing = Mailing.objects.get()
    assert (mailing.letters, mailing.finished_at is None) == (len(holders), False)
    return True


def test_every_holder_has_one_letter(performance, holders):
    read(postponed(performance))
    assert not Notification.objects.exists()
    assert carry_on() == HOLDERS
    assert each_has_one(holders)
    assert carry_on() == 0


def test_the_consumer_writes_one_row_however_many_the_holders(performance, holders):
    with CaptureQueriesContext(connection) as sql:
        read(postponed(performance))
    assert len(sql) <= 5, [one["sql"][:100] for one in sql]
    assert Mailing.objects.count() == 1


def test_a_transaction_writes_a_bounded_number(performance, holders, monkeypatch):
    sizes, write = [], operations.write_batch

    def writing(*, holders, **keys):
        sizes.append(len(holders))
        write(holders=holders, **keys)

    monkeypatch.setattr(operations, "write_batch", writing)
    read(postponed(performance))
    carry_on()
    assert sizes == [3, 3, 1]


def test_one_turn_writes_a_bounded_number_of_batches(performance, holders, monkeypatch):
    monkeypatch.setattr(policy, "BATCHES_A_TURN", 2)
    read(postponed(performance))
    assert [carry_on(), carry_on(), carry_on()] == [6, 1, 0]
    assert each_has_one(holders)


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("after", [True, False])
def test_killed_at_a_batch_the_next_worker_goes_on(performance, holders, monkeypatch, batch, after):
    calls, write = [], operations.write_batch

    def dying(**keys):
        calls.append(1)
        if len(calls) - 1 == batch:
            if after:
                write(**keys)  # and its transaction is never committed
            raise SystemExit
        write(**keys)

    read(postponed(performance))
    with monkeypatch.context() as patch:
        patch.setattr(operations, "write_batch", dying)
        with pytest.raises(SystemExit):
            carry_on()
    assert Notification.objects.count() == batch * BATCH
    carry_on()
    assert each_has_one(holders)


def test_an_event_that_comes_again_is_one_mailing(performance, holders):
    event = postponed(performance)
    read(event)
    carry_on()
    InboxEntry.objects.all().delete()
    read(event)
    carry_on()
    assert each_has_one(holders)


def test_who_gave_the_tickets_up_meanwhile_has_no_letter(performance, holders):
    read(postponed(performance))
    Ticket.objects.filter(user=holders[-1]).update(status="VOID")
    carry_on()
    assert each_has_one(holders[:-1])


def test_workers_at_once_write_each_letter_once(performance, holders, monkeypatch):
    meet_after(monkeypatch, locking, "claim_mailing", threads=3)
    read(postponed(performance))
    assert sum(race(carry_on, carry_on, carry_on)) == HOLDERS
    assert each_has_one(holders)


@pytest.mark.control
def test_control_without_the_lock_two_write_the_same_batch(performance, holders, monkeypatch):
    monkeypatch.setattr(
        locking, "claim_mailing", lambda: Mailing.objects.filter(finished_at=None).first()
    )
    monkeypatch.setattr(policy, "BATCHES_A_TURN", 1)
    meet_after(monkeypatch, locking, "claim_mailing", threads=2)
    read(postponed(performance))
    assert at_once([carry_on, carry_on]) == [BATCH, BATCH]
    assert Notification.objects.count() == Mailing.objects.get().letters == BATCH


def test_a_performance_without_holders_is_done_at_once(performance):
    read(postponed(performance))
    assert carry_on() == 0
    assert each_has_one([])
