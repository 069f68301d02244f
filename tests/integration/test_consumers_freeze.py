"""While the consumers are frozen nothing is applied or committed, whatever starts meanwhile."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from prometheus_client import REGISTRY

from accounts.models import AuditEntry
from events import consumers, locking, metrics, queries, runtime
from events.cloudevents import Event
from events.consumers import ConsumersFrozen, apply_many, apply_once
from events.models import ConsumerFreeze, InboxEntry
from events.runtime import GroupRunner
from events.usecases import consumer_freeze
from kernel import clock
from kernel.ids import uuid7
from tests.support.consuming import Handler, committed, consumer, new_group, running
from tests.support.interleaving import InBackground
from tests.support.messages import FakeMessage
from tests.support.outbox import TOPIC, new_event, relay_all, write
from tests.support.waiting import await_that


def command(*words: str) -> dict:
    out = StringIO()
    call_command("consumers", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def event() -> Event:
    return Event(uuid7(), "/frontrow/points", "points.spent", "x", clock.now(), {})


def freeze() -> bool:
    return consumer_freeze.freeze(actor_id=None, reason="a bad release", now=clock.now())


def test_a_freeze_is_one_however_often_it_is_asked_for_and_each_change_is_audited(db_ready):
    assert command("status") == {"frozen": False, "since": None, "reason": None, "changed": False}
    first = command("freeze", "--reason", "a bad release")
    assert (first["frozen"], first["reason"], first["changed"]) == (True, "a bad release", True)
    again = command("freeze", "--reason", "another")
    assert again == {**first, "changed": False}
    [state] = metrics.freeze(now=clock.now())
    assert [sample.value for sample in state.samples] == [1]
    assert command("resume") == {"frozen": False, "since": None, "reason": None, "changed": True}
    assert command("resume")["changed"] is False
    actions = AuditEntry.objects.order_by("id").values_list("action", "reason")
    assert list(actions) == [
        ("events.freeze", "a bad release"),
        ("events.resume", "manage.py consumers resume"),
    ]
    assert ConsumerFreeze.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_a_freeze_needs_a_reason_that_fits(db_ready, reason):
    with pytest.raises(CommandError, match="--reason") as refused:
        command("freeze", "--reason", reason)
    assert refused.value.returncode == 2
    assert queries.freeze_in_force() is None


def test_a_database_that_is_busy_is_one_line(db_ready, monkeypatch):
    def busy(*_, **__):
        error = OperationalError("lock timeout")
        raise error

    monkeypatch.setattr(locking, "lock_freeze", busy)
    with pytest.raises(CommandError, match="try again"):
        command("freeze", "--reason", "a bad release")


def test_nothing_is_applied_while_frozen_one_by_one_or_together(db_ready):
    handler = Handler()
    group = consumer("frozen", handler, handle_many=lambda events, *, now: None)
    one = event()
    freeze()
    with pytest.raises(ConsumersFrozen):
        apply_once(group, one, now=clock.now())
    with pytest.raises(ConsumersFrozen):
        apply_many(group, [one], now=clock.now())
    assert not InboxEntry.objects.exists()
    consumer_freeze.resume(actor_id=None, reason="over", now=clock.now())
    assert apply_once(group, one, now=clock.now()) is True
    assert apply_many(group, [one], now=clock.now()) == set()


def applied_during_a_freeze() -> list[str]:
    """Freeze while an event is being applied; return what happened, in order."""
    happened, begun, finish = [], threading.Event(), threading.Event()

    def handle(event, *, now):
        begun.set()
        assert finish.wait(30)
        happened.append("applied")

    def work():
        try:
            return apply_once(consumers.Consumer("slow", (), handle), event(), now=clock.now())
        finally:
            connection.close()

    def stop():
        try:
            freeze()
            happened.append("frozen")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        applying = pool.submit(work)
        assert begun.wait(30)
        freezing = pool.submit(stop)
        await_that(lambda: freezing.done() or _somebody_waits(), "the freeze waits or is through")
        finish.set()
        applying.result(timeout=30)
        freezing.result(timeout=30)
    return happened


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        )
        return cursor.fetchone()[0]


def test_a_freeze_returns_once_nothing_is_being_applied(db_ready):
    assert applied_during_a_freeze() == ["applied", "frozen"]


@pytest.mark.control
def test_without_the_lock_an_effect_comes_after_the_freeze(db_ready, monkeypatch):
    monkeypatch.setattr(locking, "share_freeze", lambda: None)
    assert applied_during_a_freeze() == ["frozen", "applied"]


class Broker:
    """Takes commits of offsets; each waits at `during`."""

    def __init__(self, during=lambda: None) -> None:
        self.commits, self._during = [], during

    def commit(self, *, offsets, asynchronous) -> None:
        self._during()
        self.commits.append([(one.partition, one.offset) for one in offsets])


def passing_over(number: int) -> GroupRunner:
    """A runner that has passed over so many messages, which are nothing to its group."""
    runner = GroupRunner(consumer("passing", Handler()), now=clock.now)
    for at in range(number):
        runner._handling.offsets.begin(FakeMessage(at))
        runner._handling.offsets.finish(FakeMessage(at))
    return runner


def test_what_was_passed_over_is_not_committed_in_a_freeze_that_nobody_has_seen(db_ready):
    runner, broker = passing_over(3), Broker()
    freeze()
    runner._commit(broker)
    assert (broker.commits, runner._is_frozen) == ([], True)
    consumer_freeze.resume(actor_id=None, reason="over", now=clock.now())
    runner._set_frozen(False)
    runner._commit(broker)
    assert broker.commits == [[(0, 3)]]


def test_without_the_database_offsets_wait(db_ready, monkeypatch):
    def away():
        raise OperationalError("the primary is away")

    runner, broker = passing_over(1), Broker()
    with monkeypatch.context() as patch:
        patch.setattr(locking, "share_freeze", away)
        runner._commit(broker)
    assert broker.commits == []
    runner._commit(broker)
    assert broker.commits == [[(0, 1)]]


def committed_during_a_freeze() -> list[str]:
    """Freeze while offsets are being committed; return what happened, in order."""
    happened, begun, finish = [], threading.Event(), threading.Event()

    def during():
        begun.set()
        assert finish.wait(30)
        happened.append("committed")

    def stop():
        freeze()
        happened.append("frozen")

    committing = InBackground(lambda: passing_over(1)._commit(Broker(during)))
    assert begun.wait(30)
    freezing = InBackground(stop)
    await_that(lambda: "frozen" in happened or _somebody_waits(), "the freeze waits or is through")
    finish.set()
    committing.result()
    freezing.result()
    return happened


def test_a_freeze_returns_once_no_offset_is_being_committed(db_ready):
    assert committed_during_a_freeze() == ["committed", "frozen"]


@pytest.mark.control
def test_without_the_lock_an_offset_is_committed_after_the_freeze(db_ready, monkeypatch):
    monkeypatch.setattr(runtime, "unless_frozen", nullcontext)
    assert committed_during_a_freeze() == ["frozen", "committed"]


@pytest.mark.kafka
def test_frozen_consumers_keep_their_place_through_a_restart_and_go_on(kafka):
    group, handler = new_group(kafka), Handler()
    labels = {"group": group}

    def is_frozen() -> bool:
        return REGISTRY.get_sample_value("frontrow_consumer_frozen", labels) == 1

    def mine(ids) -> list:
        return [one.id for one in handler.handled if one.id in set(ids)]

    with running(consumer(group, handler)):
        first = write(new_event())
        relay_all()
        await_that(lambda: mine(first), "applied", seconds=30)
        freeze()
        await_that(is_frozen, "it stands still", seconds=30)
        before = committed(kafka, TOPIC, group)
        held = write(*(new_event() for _ in range(5)))
        relay_all()
        assert mine(held) == []
    with running(consumer(group, handler)) as member:  # a restart changes nothing
        await_that(is_frozen, "it stands still again", seconds=30)
        seen = member.runner.seen_at
        await_that(lambda: member.runner.seen_at > seen, "it goes round", seconds=30)
        assert (mine(held), committed(kafka, TOPIC, group)) == ([], before)
        assert member.thread.is_alive()
        consumer_freeze.resume(actor_id=None, reason="over", now=clock.now())
        await_that(lambda: len(mine(held)) == 5, "applied at last", seconds=30)
        await_that(lambda: committed(kafka, TOPIC, group) != before, "and committed", seconds=30)
        assert not is_frozen()
