"""Promises of letters: one for each sale, in the fan's language, sent by any server that is up."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils.translation import override

from accounts import queries as people
from accounts.models import AuditEntry, User
from events.cloudevents import Event
from events.consumers import apply_many, apply_once, configured
from events.models import InboxEntry
from kernel import clock
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from notifications import (
    attachments,
    kinds,
    locking,
    metrics,
    operations,
    policy,
    queries,
    rendering,
    smtp,
    tasks,
)
from notifications.consumers import notifications
from notifications.models import Notification
from notifications.usecases import again, sending
from notifications.usecases.sending import LetterOutcome
from tests.support import factories
from tests.support.consuming import running, start_from_now
from tests.support.outbox import relay_all, sale_confirmed, write
from tests.support.smtp_server import smtp_server
from tests.support.waiting import await_that

STATUS = Notification.Status


@pytest.fixture
def server(settings, db_ready):
    smtp.breaker.reset()
    with smtp_server(settings) as server:
        yield server
    smtp.breaker.reset()


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=4)


def confirmed(performance, fan) -> Event:
    """The event of a sale to a fan."""
    new = sale_confirmed(performance.pk, user_id=fan.pk)
    data = {key: str(value) if key.endswith("_id") else value for key, value in new.data.items()}
    return Event(uuid7(), new.source, new.type, "subject", clock.now(), data)


def letter_for(fan, performance, *, now=None) -> Notification:
    before = set(Notification.objects.values_list("pk", flat=True))
    apply_once(notifications, confirmed(performance, fan), now=now or clock.now())
    return Notification.objects.exclude(pk__in=before).get()


def send(*, later=timedelta()) -> dict[LetterOutcome, int]:
    return dict(sending.send_due(now=clock.now() + later))


@pytest.mark.kafka
def test_a_sale_becomes_one_letter_through_kafka_and_smtp(kafka, server, performance):
    start_from_now(kafka, "notifications")
    fan = factories.make_user(display_name="김하늘")
    write(sale_confirmed(performance.pk, user_id=fan.pk, seats=2, price=75_000))
    relay_all()
    [consumer] = configured(["notifications"])
    with running(consumer):
        await_that(Notification.objects.exists, "written down", seconds=60)
    tasks.send()
    [letter] = server.letters
    row = Notification.objects.get()
    assert server.recipients == [fan.email]
    assert letter["To"] == fan.email
    assert letter["Subject"].strip() == "[Frontrow] 예매가 완료되었습니다: 가을밤"
    assert letter["Message-ID"] == f"<{row.pk}@127.0.0.1>"
    text = letter.get_body(("plain",)).get_content()
    assert "김하늘님, 예매가 완료되었습니다." in text
    assert "150,000원" in text
    assert "A구역 1열 0번" in text
    html = letter.get_body(("html",)).get_content()
    assert '<html lang="ko">' in html
    assert "150,000원" in html
    assert row.status == STATUS.SENT
    assert InboxEntry.objects.filter(group="notifications").count() == 1


def test_an_english_fan_gets_an_english_letter(server, performance):
    fan = factories.make_user(language="en")
    letter_for(fan, performance)
    assert send() == {LetterOutcome.SENT: 1}
    [letter] = server.letters
    assert letter["Subject"].strip() == "[Frontrow] Your tickets for Autumn Night"
    assert letter["Content-Language"] == "en"
    text = letter.get_body(("plain",)).get_content()
    assert text.startswith("Your reservation is confirmed.")
    assert "₩2,000" in text
    assert "Jamsil Arena" in text
    assert "KST" in text


@pytest.mark.parametrize(("asked", "language"), [("en", "en"), ("ko", "ko"), ("fr", "ko")])
def test_the_language_of_letters_is_that_of_the_sign_up(db_ready, api, asked, language):
    body = {"email": "new@example.com", "password": "correct horse 9"}
    response = api.post(
        "/_allauth/app/v1/auth/signup", body, format="json", HTTP_ACCEPT_LANGUAGE=asked
    )
    assert response.status_code == 200, response.content
    assert User.objects.get(email="new@example.com").language == language


def test_what_is_written_down_names_nobody(performance):
    fan = factories.make_user(email="somebody@example.com", display_name="Somebody")
    row = letter_for(fan, performance)
    kept = str(Notification.objects.filter(pk=row.pk).values().get())
    assert "somebody" not in kept.lower()


def test_an_address_that_changed_since_gets_the_letter(server, performance):
    fan = factories.make_user(email="old@example.com")
    letter_for(fan, performance)
    EmailAddress.objects.filter(user=fan).update(email="new@example.com")
    assert send() == {LetterOutcome.SENT: 1}
    assert server.recipients == ["new@example.com"]


def test_a_person_without_a_verified_address_gets_no_letter(server, performance):
    fan = factories.make_user()
    row = letter_for(fan, performance)
    EmailAddress.objects.filter(user=fan).delete()
    assert people.mailbox_of(fan.pk) is None
    assert send() == {LetterOutcome.NO_ADDRESS: 1}
    row.refresh_from_db()
    assert (row.status, row.failure) == (STATUS.GIVEN_UP, "no verified e-mail address")


def test_a_letter_is_written_down_once_even_without_its_inbox_row(performance):
    event = confirmed(performance, factories.make_user())
    assert apply_many(notifications, [event, event], now=clock.now()) == {event.id}
    InboxEntry.objects.all().delete()
    apply_once(notifications, event, now=clock.now())
    assert Notification.objects.count() == 1


@pytest.mark.control
def test_with_a_key_of_its_own_each_time_it_would_be_written_down_twice(performance, monkeypatch):
    monkeypatch.setattr(operations, "inbox_key", lambda event_id, group: uuid7())
    event = confirmed(performance, factories.make_user())
    for _ in range(2):
        apply_once(notifications, event, now=clock.now())
        InboxEntry.objects.all().delete()
    assert Notification.objects.count() == 2


def test_writing_down_needs_the_transaction_of_the_inbox_row(performance):
    with pytest.raises(TransactionRequired):
        operations.write_letters(events=[], now=clock.now())


def test_an_event_without_its_fields_is_an_error_and_no_letter(db_ready):
    event = Event(uuid7(), "/x", "reservation.confirmed", "s", clock.now(), {})
    with pytest.raises(KeyError):
        apply_once(notifications, event, now=clock.now())
    assert not Notification.objects.exists()


def test_a_recipient_the_server_does_not_know_keeps_no_other_from_his_letter(server, performance):
    fans = [factories.make_user() for _ in range(3)]
    rows = [letter_for(fan, performance) for fan in fans]
    server.refused = {fans[1].email: f"550 no mailbox {fans[1].email}"}
    assert send() == {LetterOutcome.SENT: 2, LetterOutcome.REFUSED: 1}
    assert server.recipients == [fans[0].email, fans[2].email]
    rows[1].refresh_from_db()
    assert (rows[1].status, rows[1].failure) == (STATUS.GIVEN_UP, "550 no mailbox (address)")
    assert not smtp.breaker.is_open


def test_a_refusal_for_now_is_tried_again_with_growing_pauses_until_it_is_given_up(
    server, performance
):
    fan = factories.make_user()
    row = letter_for(fan, performance)
    server.refused = {fan.email: "451 later"}
    later, pauses = timedelta(), []
    for attempt in range(1, 5):
        now = clock.now() + later
        assert sending.send_due(now=now) == {LetterOutcome.POSTPONED: 1}
        row.refresh_from_db()
        assert row.attempts == attempt
        pauses.append(row.due_at - now)
        later += pauses[-1]
        assert sending.send_due(now=row.due_at - timedelta(seconds=1)) == {}
    assert pauses == [policy.FIRST_PAUSE * n for n in (1, 2, 4, 8)]
    assert sending.send_due(now=row.created_at + policy.GIVE_UP_AFTER + timedelta(hours=1)) == {
        LetterOutcome.GIVEN_UP: 1
    }
    row.refresh_from_db()
    assert row.status == STATUS.GIVEN_UP
    assert policy.pause_after(100) == policy.LONGEST_PAUSE


def test_a_message_the_server_does_not_take_is_that_letters_affair(server, performance):
    row = letter_for(factories.make_user(), performance)
    server.data_reply = "554 looks like spam"
    assert send() == {LetterOutcome.REFUSED: 1}
    row.refresh_from_db()
    assert row.failure == "554 looks like spam"
    assert not smtp.breaker.is_open


def turns_with_a_letter_that_chokes_the_server(server, performance) -> list[dict]:
    """Return what five turns do with three letters, at the first of which the server hangs up.

    Before the fourth turn another is written.
    """
    fans, began = [factories.make_user() for _ in range(3)], clock.now()
    for fan in fans:
        letter_for(fan, performance, now=began)
    server.hangs_up_at = {fans[0].email}
    turns = [began + turn * policy.OUTAGE_PAUSE for turn in (0, 1, 2, 4, 5)]
    outcomes = [dict(sending.send_due(now=turn)) for turn in turns[:3]]
    letter_for(factories.make_user(), performance, now=turns[3])
    return outcomes + [dict(sending.send_due(now=turn)) for turn in turns[3:]]


def test_a_letter_at_which_the_server_hangs_up_keeps_no_other_waiting(server, performance):
    assert turns_with_a_letter_that_chokes_the_server(server, performance) == [
        {LetterOutcome.OUTAGE: 3},
        {LetterOutcome.SENT: 2},
        {LetterOutcome.OUTAGE: 1},
        {LetterOutcome.OUTAGE: 2},  # due for longer than the new one, it comes first
        {LetterOutcome.SENT: 1},
    ]


@pytest.mark.control
def test_control_waiting_no_longer_than_the_others_it_keeps_them_for_ever(
    server, performance, monkeypatch
):
    monkeypatch.setattr(policy, "pause_of_the_first", lambda age: policy.OUTAGE_PAUSE)
    turns = turns_with_a_letter_that_chokes_the_server(server, performance)
    assert turns == [{LetterOutcome.OUTAGE: count} for count in (3, 3, 3, 4, 4)]


def test_the_longest_an_old_letter_waits_after_an_outage_is_an_hour():
    pauses = [policy.pause_of_the_first(timedelta(seconds=s)) for s in (0, 600, 10**7)]
    assert pauses == [1.5 * policy.OUTAGE_PAUSE, timedelta(minutes=1), policy.LONGEST_PAUSE]


def test_a_letter_that_can_not_be_sent_waits_and_the_others_go(server, performance, monkeypatch):
    broken = letter_for(factories.make_user(), performance)
    letter_for(factories.make_user(), performance)
    id_of = rendering.message_id
    monkeypatch.setattr(
        rendering,
        "message_id",
        lambda letter: "<a\nb>" if letter.id == broken.pk else id_of(letter),
    )
    assert send() == {LetterOutcome.POSTPONED: 1, LetterOutcome.SENT: 1}
    broken.refresh_from_db()
    assert (broken.status, broken.attempts) == (STATUS.WAITING, 1)
    assert not smtp.breaker.is_open


def test_a_letter_too_large_for_the_server_is_that_letters_affair(server, performance, monkeypatch):
    server.stop()
    server.largest = 100_000
    server.start()
    fans = [factories.make_user() for _ in range(2)]

    def large_for_the_first(data):
        if data["user_id"] == str(fans[0].pk):
            yield attachments.Attachment("ticket.pdf", bytes(200_000), "application/pdf")

    kind = kinds.kind_named("reservation_confirmed")
    with_file = replace(kind, attachments=(large_for_the_first,))
    monkeypatch.setattr(kinds, "KINDS", (with_file,))
    row, _ = [letter_for(fan, performance) for fan in fans]
    assert send() == {LetterOutcome.REFUSED: 1, LetterOutcome.SENT: 1}
    row.refresh_from_db()
    assert row.failure.startswith("552 ")


@pytest.mark.parametrize("closing", [True, False], ids=["closing", "down"])
def test_while_the_server_is_away_letters_wait_and_count_no_attempt(server, performance, closing):
    rows = [letter_for(factories.make_user(), performance) for _ in range(5)]
    if closing:
        server.data_reply = "421 closing"
    else:
        server.stop()
    assert send() == {LetterOutcome.OUTAGE: 5}
    for n in range(1, 4):
        assert send(later=policy.OUTAGE_PAUSE * n * 2)[LetterOutcome.OUTAGE] == 5
    assert smtp.breaker.is_open
    assert {row.attempts for row in Notification.objects.all()} == {0}
    server.data_reply = "250 OK"
    if not closing:
        server.start()
    smtp.breaker.reset()  # its pause is over
    assert send(later=timedelta(minutes=10)) == {LetterOutcome.SENT: 5}
    assert len(server.letters) == len(rows)


def test_a_server_that_hangs_costs_one_wait_and_not_one_a_letter(server, performance, settings):
    settings.EMAIL_TIMEOUT = 0.3
    for _ in range(4):
        letter_for(factories.make_user(), performance)
    server.go_on.clear()
    assert send() == {LetterOutcome.OUTAGE: 4}
    assert server.asked == 1


def test_a_worker_that_dies_after_the_server_took_the_letter_sends_the_same_again(
    server, performance, monkeypatch
):
    row = letter_for(factories.make_user(), performance)
    finish = operations.finish

    class Died(BaseException):
        pass

    def die(*_, **__):
        raise Died

    monkeypatch.setattr(operations, "finish", die)
    with pytest.raises(Died):
        send()
    monkeypatch.setattr(operations, "finish", finish)
    assert send() == {}  # its lease is not over
    assert send(later=policy.LEASE + timedelta(seconds=1)) == {LetterOutcome.SENT: 1}
    assert [letter["Message-ID"] for letter in server.letters] == [f"<{row.pk}@127.0.0.1>"] * 2


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(server, performance):
    row = letter_for(factories.make_user(), performance)
    with transaction():
        [mine] = locking.claim_due(now=clock.now())
    with transaction():
        [theirs] = locking.claim_due(now=clock.now() + policy.LEASE)
    assert operations.finish(mine, sent_at=None, failure="late") is False
    assert operations.postpone(mine, until=clock.now(), failure="late", counts=True) is False
    assert operations.finish(theirs, sent_at=clock.now()) is True
    row.refresh_from_db()
    assert row.status == STATUS.SENT


def test_what_people_wrote_is_text_in_html_and_breaks_no_header(server):
    performance = factories.make_performance(
        seats=1, concert=factories.make_concert(title_ko="<b>가을</b> & 밤")
    )
    letter_for(factories.make_user(display_name="<script>x</script>"), performance)
    assert send() == {LetterOutcome.SENT: 1}
    [letter] = server.letters
    assert letter["Subject"].endswith("<b>가을</b> & 밤")
    html = letter.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;b&gt;가을&lt;/b&gt; &amp; 밤" in html
    assert "<b>가을</b> & 밤" in letter.get_body(("plain",)).get_content()


def test_files_go_with_the_letter_of_their_kind(server, performance, monkeypatch):
    def ticket(data):
        return [attachments.Attachment("ticket.pdf", b"%PDF-1.7", "application/pdf")]

    kind = kinds.kind_named("reservation_confirmed")
    with_file = kinds.LetterKind(kind.name, kind.event_type, kind.topic, attachments=(ticket,))
    monkeypatch.setattr(kinds, "KINDS", (with_file,))
    letter_for(factories.make_user(), performance)
    assert send() == {LetterOutcome.SENT: 1}
    [file] = server.letters[0].iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("ticket.pdf", b"%PDF-1.7")


def test_a_letter_that_can_not_be_written_waits_and_the_others_go(server, performance):
    broken = letter_for(factories.make_user(), performance)
    letter_for(factories.make_user(), performance)
    Notification.objects.filter(pk=broken.pk).update(kind="gone")
    assert send() == {LetterOutcome.POSTPONED: 1, LetterOutcome.SENT: 1}


def test_letters_that_were_given_up_are_sent_again_by_staff(server, performance):
    row = letter_for(factories.make_user(), performance)
    Notification.objects.update(status=STATUS.GIVEN_UP)
    chosen = {"letter_ids": [row.pk], "actor_id": None, "reason": "mailbox is back"}
    assert again.send_again(**chosen, now=clock.now()) == 1
    assert again.send_again(**chosen, now=clock.now()) == 0
    assert send() == {LetterOutcome.SENT: 1}
    assert AuditEntry.objects.filter(action="notifications.send_again").count() == 1


def test_a_letter_that_staff_send_again_is_the_same_letter(server, performance):
    fan = factories.make_user()
    row = letter_for(fan, performance)
    assert send() == {LetterOutcome.SENT: 1}
    asked = {"user_id": fan.pk, "actor_id": None, "reason": "deleted it"}
    assert again.send_to_fan_again(letter_id=row.pk, **asked, now=clock.now())
    assert send() == {LetterOutcome.SENT: 1}
    assert [letter["Message-ID"] for letter in server.letters] == [f"<{row.pk}@127.0.0.1>"] * 2


def test_the_letters_of_a_fan_are_found_by_their_index(performance):
    letter_for(fan := factories.make_user(), performance)
    with transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table of one row has a cheaper way
        rows = Notification.objects.filter(user_id=fan.pk).order_by("-created_at")
        assert "notifications_of_fan_p" in rows.explain()
    assert [row.user_id for row in queries.letters_of(user_id=fan.pk, limit=2)] == [fan.pk]


def test_the_metrics_say_what_waits_and_for_how_long(performance):
    letter_for(factories.make_user(), performance, now=clock.now() - timedelta(minutes=5))
    values = [metric.samples[0].value for metric in metrics.waiting(now=clock.now())]
    assert values[0] == 1
    assert values[1] >= 300


def test_a_worker_that_is_to_stop_leaves_its_letters_to_the_next(server, performance, monkeypatch):
    for _ in range(3):
        letter_for(factories.make_user(), performance)
    stopping = threading.Event()
    monkeypatch.setattr(tasks, "_stopping", stopping)
    stopping.set()
    tasks.send()
    assert server.letters == []
    stopping.clear()
    assert send(later=policy.OUTAGE_PAUSE) == {LetterOutcome.SENT: 3}


def test_one_thread_of_a_process_sends_at_a_time(server, performance):
    letter_for(factories.make_user(), performance)
    with tasks._turn:
        tasks.send()
    assert server.letters == []
    tasks.send()
    assert len(server.letters) == 1


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (150_000, "KRW", "150,000원"),
        (-150_000, "KRW", "-150,000원"),
        (5_000, "JPY", "5,000 JPY"),
        (123_456, "USD", "1,234.56 USD"),
        (-150, "USD", "-1.50 USD"),
    ],
)
def test_amounts_are_shown_with_their_minor_units(amount, currency, shown):
    with override("ko"):
        assert rendering.money_text(amount, currency) == shown


def test_an_amount_below_zero_has_its_sign_before_the_currency():
    with override("en"):
        assert rendering.money_text(-198_000, "KRW") == "-₩198,000"
