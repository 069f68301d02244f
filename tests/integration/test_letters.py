"""What letters say: each kind by the event that the product records, in both languages."""

import re
from datetime import timedelta

import pytest
from icalendar import Calendar

from accounts import queries as people
from concerts.models import Performance
from concerts.usecases import programme
from events.cloudevents import Event
from events.consumers import apply_many
from events.models import OutboxEvent
from kernel import clock
from kernel.db.transaction import transaction
from notifications import attachments, kinds, locking, policy, rendering, ticket_files
from notifications.consumers import notifications
from notifications.models import Notification
from notifications.usecases import mailings
from payments import called_off, reconciliation
from tests.support.cancelling import buy, cancel
from tests.support.factories import make_performance, make_user
from tests.support.money import give_points
from tests.support.offering import late_money
from tickets.models import Ticket

PRICE = 100_000


@pytest.fixture(params=["ko", "en"])
def reader(db_ready, request):
    fan = make_user(language=request.param, display_name="Kim")
    give_points(fan, 10 * PRICE)
    return fan


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=20, price=PRICE, hold_seconds=60, payment_seconds=60)


def read_events():
    """Let the consumer read whatever has been recorded."""
    rows = OutboxEvent.objects.order_by("position")
    apply_many(
        notifications,
        [
            Event(row.pk, row.source, row.type, str(row.aggregate_id), clock.now(), row.data)
            for row in rows
            if row.type in notifications.types
        ],
        now=clock.now(),
    )
    mailings.carry_on(now=clock.now())


def letters(kind):
    """The letters of a kind, ready to send, to those whom they are for."""
    read_events()
    Notification.objects.exclude(kind=kind).update(status="GIVEN_UP")
    with transaction():
        claimed = locking.claim_due(now=clock.now())
    return [rendering.render(one, people.mailbox_of(one.user_id)) for one in claimed]


def is_complete(message, *facts):
    """Say whether text and HTML have the facts, and nothing that a template left open."""
    assert message.subject.startswith("[Frontrow] ")
    [html] = [content for content, _ in message.alternatives]
    for shown in (message.body, html):
        assert "Kim" in shown
        assert re.search(r"\{\{|\{%|None", shown) is None
        for fact in facts:
            assert fact in shown
    return True


def price_text(reader, amount):
    return f"{amount:,}원" if reader.language == "ko" else f"₩{amount:,}"


def test_each_kind_has_a_test_here():
    assert {kind.name for kind in kinds.KINDS} == {
        "reservation_confirmed",
        "reservation_cancelled",
        "performance_cancelled",
        "performance_postponed",
        "payment_refunded",
        "seats_offered",
    }


def test_a_sale_comes_with_its_tickets(reader, performance):
    buy(reader, performance, seats=2)
    [message] = letters("reservation_confirmed")
    assert is_complete(message, price_text(reader, 2 * PRICE))
    pdf, entry = message.attachments
    assert (pdf.filename, pdf.mimetype) == ("tickets.pdf", "application/pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.content.count(b"/Type /Page\n") == 2  # a page for each ticket
    [event] = Calendar.from_ical(entry.content).walk("VEVENT")
    assert event.decoded("dtstart") == Performance.objects.get().starts_at.replace(microsecond=0)
    for code in Ticket.objects.values_list("code", flat=True):
        assert code[:4] in str(event["description"])


def test_tickets_that_are_void_by_then_do_not_go_along(reader, performance):
    bought = buy(reader, performance, seats=2)
    Ticket.objects.filter(seat=bought.seats[0].seat_id).update(status="VOID")
    [message] = letters("reservation_confirmed")
    assert message.attachments[0].content.count(b"/Type /Page\n") == 1
    Ticket.objects.update(status="VOID")
    data = {"reservation_id": str(bought.id), "user_id": str(reader.pk)}
    assert list(ticket_files.ticket_files(data)) == []


def test_files_that_are_too_large_are_left_out(reader, performance, monkeypatch, caplog):
    buy(reader, performance, seats=2)
    monkeypatch.setattr(policy, "LARGEST_FILES", 1000)
    [message] = letters("reservation_confirmed")
    assert message.attachments == []
    assert "files left out" in caplog.text


def test_files_are_made_when_the_letter_is_sent_and_not_before(reader, performance, monkeypatch):
    made = []
    page = attachments.Attachment("tickets.pdf", b"%PDF-", "application/pdf")
    monkeypatch.setattr(ticket_files.pdf, "pages_of", lambda tickets: made.append(1) or b"%PDF-")
    buy(reader, performance, seats=1)
    read_events()
    assert made == []
    [message] = letters("reservation_confirmed")
    assert (made, message.attachments[0].content) == ([1], page.content)


def test_seats_that_were_given_up(reader, performance):
    bought = buy(reader, performance, seats=2)
    cancel(reader, bought.id, [bought.seats[0].seat_id])
    [message] = letters("reservation_cancelled")
    assert is_complete(message, str(bought.id))
    assert message.body.count("\n- ") == 1
    assert message.attachments == []


def test_a_cancelled_performance_writes_to_each_of_its_buyers(reader, performance):
    buy(reader, performance, seats=2)
    programme.set_status(
        performance_id=performance.pk,
        status=Performance.Status.CANCELLED,
        actor_id=None,
        reason="ill",
        now=clock.now(),
    )
    list(called_off.batches(performance_id=performance.pk, now=clock.now()))
    read_events()
    kinds_written = set(Notification.objects.values_list("kind", flat=True))
    assert "reservation_cancelled" not in kinds_written
    [message] = letters("performance_cancelled")
    assert is_complete(message, price_text(reader, 2 * PRICE))


def test_a_postponed_performance_writes_to_each_holder_once(reader, performance):
    buy(reader, performance, seats=2)
    other = make_user(display_name="Kim")
    give_points(other, PRICE * 10)
    gone = buy(other, performance, seat_ids=[_last_seat(performance)])
    cancel(other, gone.id)
    programme.postpone(
        performance_id=performance.pk,
        refund_until=clock.now() + timedelta(days=10),
        actor_id=None,
        reason="flooded",
        now=clock.now(),
    )
    [message] = letters("performance_postponed")
    assert message.to == [reader.email]
    assert is_complete(message, "KST")


def _last_seat(performance):
    return performance.inventory.order_by("index").last().pk


def test_money_that_is_back_says_how(reader, performance, gateway):
    bought = buy(reader, performance, seats=2, by_points=30_000)
    cancel(reader, bought.id)
    by_points, by_card = sorted(letters("payment_refunded"), key=lambda one: len(one.body))
    assert is_complete(by_card, price_text(reader, 170_000))
    assert is_complete(by_points, price_text(reader, 30_000))
    word = "포인트" if reader.language == "ko" else "points"
    assert word in by_points.body
    assert word not in by_card.body


def test_late_money_is_offered_other_seats_and_says_why_it_goes_back(reader, performance, gateway):
    late = late_money(reader, performance, gateway)
    late.settle()
    [message] = letters("seats_offered")
    assert is_complete(message, str(late.offer.reservation_id), "KST")
    assert message.body.count("\n- ") == 2
    late.decline()
    reconciliation.reconcile(now=late.now + timedelta(minutes=1))
    [refund] = letters("payment_refunded")
    assert is_complete(refund, price_text(reader, 2 * PRICE))
    assert ("결제 시간이 지나" if reader.language == "ko" else "seats were gone") in refund.body
