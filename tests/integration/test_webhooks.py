"""Promises of webhooks: signed, sent once as far as HTTP allows, tried for days, none held up."""

import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ApiKey, AuditEntry, User
from events import cloudevents, consumers
from events.consumers import configured
from events.models import InboxEntry
from kernel import clock
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from tests.support.consuming import running, start_from_now
from tests.support.kafka_reader import KafkaReader
from tests.support.machines import make_key
from tests.support.outbox import relay_all, sale_confirmed, write
from tests.support.small_server import served
from tests.support.waiting import await_that
from tests.support.webhooks import (
    apply,
    delivery,
    document,
    endpoint,
    event,
    hook,
    integrator,
    is_signed,
    register,
    send,
    signatures,
)
from webhooks import http, locking, metrics, operations, policy
from webhooks.consumers import webhooks
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.queries import WebhookOwner
from webhooks.usecases import deliveries, endpoints, sending

STATUS = WebhookDelivery.Status
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def receiver(db_ready):
    with hook() as found:
        yield found


def kept(delivery_id) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=delivery_id)


@pytest.mark.kafka
def test_an_event_comes_as_it_was_published_and_signed(kafka, receiver):
    start_from_now(kafka, "webhooks")
    made = register(receiver.url + "/in?x=1", "reservation.confirmed")
    [event_id] = write(sale_confirmed(uuid7(), seats=2))
    dump = cloudevents.dump
    relay_all()
    [consumer] = configured(["webhooks"])
    with running(consumer):
        await_that(WebhookDelivery.objects.exists, "written down", seconds=60)
    send()
    [(headers, body)] = receiver.taken
    assert headers["webhook-id"] == str(event_id) == document(body)["id"]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert is_signed(headers, body, made.secret)
    assert not is_signed(headers, body + b" ", made.secret)
    reader = KafkaReader(kafka, "frontrow.reservations.v1")
    try:
        records = reader.until(
            lambda found: any(one.id == str(event_id) for one in found), "in the topic"
        )
    finally:
        reader.close()
    [published] = [one.event for one in records if one.id == str(event_id)]
    assert document(body) == published
    assert dump(cloudevents.load(body)) == body
    assert delivery().status == STATUS.DELIVERED
    assert delivery().last_status == 200


def test_an_endpoint_gets_the_types_it_asked_for_and_nothing_older(receiver):
    made = register(receiver.url)
    wanted, _other, _old = apply(
        event(),
        event("points.spent"),
        event(time=clock.now() - MINUTE * 2),
    )
    send()
    assert receiver.ids == [str(wanted.id)]
    assert WebhookDelivery.objects.get().endpoint_id == made.id


def test_a_key_of_some_performances_gets_no_other_events(receiver):
    here, key_id = uuid7(), uuid7()
    make_key("webhooks:manage", key_id=key_id, performances=[here])
    owner = WebhookOwner(api_key_id=key_id, performances=frozenset({here}))
    register(receiver.url, "payment.paid", "points.spent", owner=owner)
    first, *_ = apply(
        event(performance_id=str(here)), event(performance_id=str(uuid7())), event("points.spent")
    )
    send()
    assert receiver.ids == [str(first.id)]


def test_a_delivery_is_written_down_once_even_without_its_inbox_row(receiver):
    register(receiver.url)
    [one] = apply(event())
    apply(one)
    InboxEntry.objects.all().delete()
    apply(one)
    consumers.apply_once(webhooks, event(), now=clock.now())
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.control
def test_with_a_key_of_its_own_each_time_it_would_be_written_down_twice(receiver, monkeypatch):
    monkeypatch.setattr(operations, "inbox_key", lambda event_id, group: uuid7())
    register(receiver.url)
    [one] = apply(event())
    InboxEntry.objects.all().delete()
    apply(one)
    assert WebhookDelivery.objects.count() == 2


def test_writing_down_costs_the_same_for_many_and_needs_a_transaction(
    receiver, django_assert_num_queries
):
    for _ in range(3):
        register(receiver.url)
    with transaction(), django_assert_num_queries(2):
        assert operations.write_deliveries(events=[event() for _ in range(50)], now=clock.now())
    assert WebhookDelivery.objects.count() == 150
    with pytest.raises(TransactionRequired):
        operations.write_deliveries(events=[], now=clock.now())


def test_a_failure_is_tried_again_with_growing_pauses_under_the_same_id(receiver):
    made = register(receiver.url)
    [one] = apply(event())
    receiver.replies_with(500, 503, 302)
    now, pauses = clock.now(), []
    for tries in range(1, 4):
        send(now=now)
        row = delivery()
        assert (row.status, row.tries) == (STATUS.WAITING, tries)
        send(now=row.due_at - timedelta(milliseconds=1))
        pauses.append(row.due_at - now)
        now = row.due_at
    assert endpoint(made.id).failures == 3
    send(now=now)
    assert receiver.ids == [str(one.id)] * 4
    row = delivery()
    assert (row.status, row.tries, row.last_status, row.failure) == (STATUS.DELIVERED, 4, 200, "")
    assert pauses == [policy.pause_after(n, row.pk) for n in (1, 2, 3)]
    assert pauses == sorted(pauses)
    assert (endpoint(made.id).failing_since, endpoint(made.id).failures) == (None, 0)


@given(st.uuids(), st.uuids())
def test_pauses_grow_for_days_and_differ_between_deliveries(first, second):
    pauses = [policy.pause_after(retries, first) for retries in range(1, 11)]
    assert pauses[0] < MINUTE / 10 < pauses[1] < HOUR < pauses[5] < pauses[9]
    assert policy.GIVE_UP_AFTER * 0.8 < sum(pauses, timedelta()) < policy.GIVE_UP_AFTER * 1.3
    assert first == second or policy.pause_after(5, first) != policy.pause_after(5, second)
    assert policy.pause_after(99, first) <= DAY * 1.2


def test_what_fails_for_days_is_given_up(receiver):
    register(receiver.url)
    apply(event())
    receiver.replies_with(500)
    send(now=clock.now() + policy.GIVE_UP_AFTER + MINUTE)
    row = delivery()
    assert (row.status, row.last_status, row.failure) == (STATUS.GIVEN_UP, 500, "status 500")


def test_a_redirect_is_not_followed(receiver):
    with hook() as other:
        receiver.replies = [(307, {"Location": other.url}, b"")]
        register(receiver.url)
        apply(event())
        send()
    assert other.taken == []
    assert delivery().last_status == 307
    assert delivery().status == STATUS.WAITING


def test_410_disables_the_endpoint_and_what_waits_is_given_up(receiver):
    made = register(receiver.url)
    receiver.replies_with(410)
    [gone] = apply(event())
    send()
    row = endpoint(made.id)
    assert (row.enabled, row.disabled_by) == (False, "GONE")
    assert kept(delivery().pk).status == STATUS.GIVEN_UP
    entry = AuditEntry.objects.get(action="webhooks.disable_endpoint")
    assert entry.actor_id is None
    apply(event())  # nothing is written down any more
    assert WebhookDelivery.objects.count() == 1
    assert receiver.ids == [str(gone.id)]


def test_days_of_failures_disable_the_endpoint(receiver):
    made = register(receiver.url)
    began = clock.now()
    for n in range(policy.DISABLE_AFTER_FAILURES):
        apply(event(), now=began + n * MINUTE * 6)
        receiver.replies_with(500)
        send(now=began + n * MINUTE * 6)
        assert endpoint(made.id).enabled
    later = began + policy.DISABLE_AFTER
    receiver.replies_with(*[500] * 20)
    apply(event(), now=later)
    send(now=later)
    row = endpoint(made.id)
    assert (row.enabled, row.disabled_by) == (False, "FAILING")
    sending.give_up_untried(now=later)
    assert not WebhookDelivery.objects.filter(status=STATUS.WAITING).exists()
    assert AuditEntry.objects.filter(action="webhooks.disable_endpoint").count() == 1


def test_an_endpoint_that_fails_rests_and_is_tried_one_at_a_time(receiver):
    made = register(receiver.url)
    apply(*[event() for _ in range(20)])
    receiver.replies_with(*[500] * 4)
    now = clock.now()
    send(now=now)
    assert len(receiver.taken) == policy.TRIES_AT_ONCE
    assert endpoint(made.id).paused_until == now + policy.rest_after(4)
    receiver.replies_with(500)
    send(now=now + policy.rest_after(4))
    assert len(receiver.taken) == policy.TRIES_AT_ONCE + 1
    send(now=now + MINUTE)  # one succeeds, and the rest follows
    send(now=now + DAY)
    assert WebhookDelivery.objects.filter(status=STATUS.DELIVERED).count() == 20


def test_a_process_that_dies_after_the_2xx_leaves_one_that_is_sent_under_the_same_id(
    receiver, monkeypatch
):
    register(receiver.url)
    [one] = apply(event())

    class Died(BaseException):
        pass

    def die(**_):
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(operations, "finish", die)
        with pytest.raises(Died):
            send()
    send()  # its lease is not over
    assert len(receiver.taken) == 1
    send(now=clock.now() + policy.LEASE)
    assert receiver.ids == [str(one.id)] * 2
    assert delivery().status == STATUS.DELIVERED


def test_a_process_that_comes_back_after_its_lease_changes_nothing(receiver):
    register(receiver.url)
    apply(event())
    now = clock.now()
    with transaction():
        [mine] = locking.claim_due(now=now, most=5, most_failing=5)
    with transaction():
        [theirs] = locking.claim_due(now=now + policy.LEASE, most=5, most_failing=5)
    late = sending.TryResult(mine, sending.TryOutcome.GONE, 410)
    sending.record([late], now=now)
    assert delivery().status == STATUS.WAITING
    assert WebhookEndpoint.objects.get().enabled
    sending.record([sending.TryResult(theirs, sending.TryOutcome.DELIVERED, 200)], now=now)
    assert delivery().status == STATUS.DELIVERED


def test_both_secrets_sign_while_one_is_replaced(receiver):
    owner = integrator()
    first = register(receiver.url, owner=owner)
    now = clock.now()
    second = endpoints.rotate_secret(endpoint_id=first.id, owner=owner, now=now)
    assert second.former_secret_until == now + policy.FORMER_SECRET_IS_GOOD_FOR
    apply(event())
    send()
    headers, body = receiver.taken.pop()
    assert len(signatures(headers)) == 2
    assert is_signed(headers, body, first.secret)
    assert is_signed(headers, body, second.secret)
    apply(event())
    send(now=now + DAY + MINUTE)
    headers, body = receiver.taken.pop()
    assert len(signatures(headers)) == 1
    assert is_signed(headers, body, second.secret)


def test_no_secret_is_kept_in_clear_or_shown(receiver, caplog):
    made = register(receiver.url)
    row = WebhookEndpoint.objects.filter(pk=made.id).values().get()
    assert made.secret.removeprefix("whsec_") not in str(row)
    assert made.secret not in repr(made)
    apply(event())
    with transaction():
        [claimed] = locking.claim_due(now=clock.now(), most=1, most_failing=1)
    assert row["secret"] not in repr(claimed)
    assert made.secret not in str(AuditEntry.objects.values_list("changes", flat=True))


def test_a_secret_that_cannot_be_read_is_a_failure_of_its_endpoint_alone(receiver):
    broken, good = register(receiver.url), register(receiver.url)
    WebhookEndpoint.objects.filter(pk=broken.id).update(secret="gone")
    apply(event())
    send()
    assert len(receiver.taken) == 1
    rows = {row.endpoint_id: row for row in WebhookDelivery.objects.all()}
    assert rows[good.id].status == STATUS.DELIVERED
    assert rows[broken.id].failure == "the secret can't be read"


def test_a_replay_sends_the_same_again(receiver):
    owner = integrator()
    made = register(receiver.url, owner=owner)
    [one] = apply(event())
    send()
    row = delivery()
    again = deliveries.replay(endpoint_id=made.id, delivery_id=row.pk, owner=owner, now=clock.now())
    assert (again.status, again.delivered_at, again.tries) == (STATUS.WAITING, None, 1)
    send()
    assert receiver.ids == [str(one.id)] * 2
    assert receiver.taken[0][1] == receiver.taken[1][1]
    assert (delivery().status, delivery().tries) == (STATUS.DELIVERED, 2)


def test_a_delivery_under_way_is_not_replayed(receiver):
    owner = integrator()
    made = register(receiver.url, owner=owner)
    apply(event())
    now = clock.now()
    with transaction():
        [claimed] = locking.claim_due(now=now, most=1, most_failing=1)
    deliveries.replay(endpoint_id=made.id, delivery_id=claimed.id, owner=owner, now=now)
    send(now=now)
    assert receiver.taken == []


def test_a_ping_is_signed_like_an_event(receiver):
    owner = integrator()
    made = register(receiver.url, owner=owner)
    deliveries.ping(endpoint_id=made.id, owner=owner, now=clock.now())
    send()
    [(headers, body)] = receiver.taken
    assert is_signed(headers, body, made.secret)
    assert document(body)["type"] == "webhook.ping"
    assert document(body)["data"] == {"endpoint_id": str(made.id)}


def test_with_a_key_or_the_rights_goes_what_they_brought_about(receiver):
    key_id, person = uuid7(), integrator()
    make_key("webhooks:manage", key_id=key_id)
    register(receiver.url, owner=WebhookOwner(api_key_id=key_id))
    register(receiver.url, owner=person)
    apply(event())
    ApiKey.objects.update(revoked_at=clock.now())
    User.objects.get(pk=person.user_id).groups.clear()
    send()
    assert receiver.taken == []
    apply(event())
    assert WebhookDelivery.objects.count() == 2


def test_staff_hand_an_endpoint_over_to_the_key_that_replaces_its_own(receiver):
    old, new, here = uuid7(), uuid7(), uuid7()
    make_key("webhooks:manage", key_id=old)
    make_key("webhooks:manage", key_id=new, performances=[here])
    made = register(receiver.url, owner=WebhookOwner(api_key_id=old))
    apply(event())
    ApiKey.objects.filter(pk=old).update(revoked_at=clock.now())
    boss = integrator().user_id
    chosen = {"endpoint_ids": [made.id], "actor_id": boss, "reason": "new key"}
    with pytest.raises(endpoints.NoSuchWebhookKey):
        endpoints.hand_over(api_key_id=old, now=clock.now(), **chosen)
    assert endpoints.hand_over(api_key_id=new, now=clock.now(), **chosen) == 1
    send()
    assert len(receiver.taken) == 1
    assert endpoint(made.id).performance_ids == [str(here)]


def test_only_staff_enable_what_staff_disabled(receiver):
    owner = integrator()
    made = register(receiver.url, owner=owner)
    chosen = {"endpoint_ids": [made.id], "actor_id": owner.user_id, "reason": "floods"}
    assert endpoints.disable(now=clock.now(), **chosen) == 1
    assert endpoints.disable(now=clock.now(), **chosen) == 0
    change = {"endpoint_id": made.id, "owner": owner, "changes": {"enabled": True}}
    with pytest.raises(endpoints.WebhookEndpointBlocked):
        endpoints.change(now=clock.now(), **change)
    assert endpoints.enable(now=clock.now(), **chosen) == 1
    apply(event())
    send()
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    "reply",
    [b"x" * 100_000, b"\xff" * 5000, b"\0" * 5000, "가".encode() * 5000],
    ids=["long", "no UTF-8", "NUL", "Hangul"],
)
def test_no_more_than_a_kibibyte_of_a_response_is_kept(receiver, reply):
    register(receiver.url)
    receiver.replies = [(500, {}, reply)]
    apply(event())
    send()
    assert 0 < len(delivery().last_response.encode()) <= 1024


def test_a_receiver_that_drips_or_never_ends_costs_a_bounded_time(db_ready, monkeypatch):
    monkeypatch.setattr(policy, "TRY_SECONDS", 0.5)
    gone = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/body":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not gone.wait(0.05):
                self.wfile.write(b"x")
                self.wfile.flush()

        def log_message(self, *args):
            pass

    with served(Dripping) as url:
        try:
            register(url + "/head")
            body = register(url + "/body")
            apply(event())
            send()
        finally:
            gone.set()
    rows = {row.endpoint_id: row for row in WebhookDelivery.objects.all()}
    assert rows.pop(body.id).status == STATUS.DELIVERED
    [head] = rows.values()
    assert (head.status, head.last_status) == (STATUS.WAITING, None)
    assert "too slow" in head.failure or "RemoteProtocolError" in head.failure


def send_here() -> None:
    """Send, in a thread of its own, whose session ends with it."""
    try:
        send()
    finally:
        connections.close_all()


def hung(monkeypatch) -> tuple[int, int]:
    """Let one endpoint hang while another has twenty events; say how many came meanwhile."""
    monkeypatch.setattr(policy, "THREADS", 8)
    monkeypatch.setattr(policy, "TRY_SECONDS", 30.0)
    go_on, waiting = threading.Event(), []

    class Hanging(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            waiting.append(1)
            go_on.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with served(Hanging) as slow, hook() as quick:
        register(slow)
        apply(*[event() for _ in range(20)])
        register(quick.url)
        apply(*[event() for _ in range(20)])
        turn = threading.Thread(target=send_here)
        turn.start()
        try:
            await_that(lambda: waiting, "the slow one hangs")
            with suppress(AssertionError):
                await_that(lambda: len(quick.taken) == 20, "the quick one has all", seconds=5)
            return len(quick.taken), len(waiting)
        finally:
            go_on.set()
            turn.join()


def test_a_slow_endpoint_holds_up_no_other(db_ready, monkeypatch):
    assert hung(monkeypatch) == (20, policy.TRIES_AT_ONCE)


@pytest.mark.control
def test_without_the_bound_a_slow_endpoint_takes_every_thread(db_ready, monkeypatch):
    monkeypatch.setattr(policy, "TRIES_AT_ONCE", 100)
    in_turn = "row_number() OVER (PARTITION BY endpoint_id ORDER BY due_at, id), due_at"
    claim = locking._CLAIM.replace(in_turn, "due_at")
    assert claim != locking._CLAIM
    monkeypatch.setattr(locking, "_CLAIM", claim)
    came, waiting = hung(monkeypatch)
    assert came < 20
    assert waiting == 8


def test_endpoints_that_fail_have_half_of_the_threads_at_most(receiver):
    for _ in range(6):
        register(receiver.url)
    apply(event())
    now = clock.now()
    WebhookEndpoint.objects.update(failing_since=now, failures=1)
    with transaction():
        claimed = locking.claim_due(now=now, most=10, most_failing=3)
    assert len(claimed) == 3
    assert all(one.is_failing for one in claimed)


def test_deliveries_go_round_the_endpoints(receiver):
    made = [register(receiver.url).id for _ in range(3)]
    apply(*[event() for _ in range(10)])
    with transaction():
        claimed = locking.claim_due(now=clock.now(), most=6, most_failing=0)
    assert sorted(one.endpoint_id for one in claimed) == sorted(made * 2)


def test_what_is_never_tried_is_given_up_in_the_end(receiver):
    register(receiver.url)
    apply(event())
    User.objects.update(is_active=False)
    assert sending.give_up_untried(now=clock.now() + policy.GIVE_UP_AFTER) == 0
    assert sending.give_up_untried(now=clock.now() + policy.GIVE_UP_UNTRIED_AFTER + MINUTE) == 1
    assert delivery().status == STATUS.GIVEN_UP


def test_the_metrics_say_what_waits_and_how_endpoints_stand(receiver):
    register(receiver.url)
    failing = register(receiver.url)
    WebhookEndpoint.objects.filter(pk=failing.id).update(failing_since=clock.now())
    apply(event(), now=clock.now() - MINUTE / 2)
    waiting, overdue, stand = metrics.waiting(now=clock.now())
    assert waiting.samples[0].value == 2
    assert overdue.samples[0].value >= 30
    assert {one.labels["state"]: one.value for one in stand.samples} == {
        "working": 1,
        "failing": 1,
        "disabled": 0,
    }


def test_an_error_of_ours_is_a_failed_try_and_no_end_of_the_turn(receiver, monkeypatch):
    register(receiver.url)
    apply(event())

    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(http, "post", broken)
    send()
    assert (delivery().status, delivery().failure) == (STATUS.WAITING, "an error of ours")
