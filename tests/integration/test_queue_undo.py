"""Staff take the last change of a running waiting room back, and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from kernel import clock
from kernel.ids import uuid7
from queueing import changes
from queueing.models import QueueConfig, RoomState
from queueing.queries import rules
from queueing.usecases import config
from queueing.usecases.config import NothingToUndo, QueueConfigChanged
from tests.support.waiting_rooms import make_room


@pytest.fixture
def room(db_ready):
    return make_room(rate_per_second=100, capacity=50, state=RoomState.OPEN)


def change(room, **fields):
    config.set_config(
        performance_id=room.pk,
        changes=fields,
        actor_id=None,
        reason="too slow",
        now=clock.now(),
    )
    return changes.last_change(room.pk)


def undo(room, change_id):
    return config.undo_last(
        performance_id=room.pk,
        change_id=change_id,
        actor_id=None,
        reason="was wrong",
        now=clock.now(),
    )


def row(room):
    return QueueConfig.objects.get(pk=room.pk)


def test_the_last_change_is_taken_back_and_audited(room):
    last = change(room, rate_per_second=Decimal("250.5"), capacity=80, state="PAUSED")
    assert last.before == {"rate_per_second": "100.00", "capacity": 50, "state": "OPEN"}
    undo(room, last.id)
    now = row(room)
    assert (now.rate_per_second, now.capacity, now.state) == (100, 50, "OPEN")
    entry = AuditEntry.objects.order_by("-pk").first()
    assert (entry.action, entry.reason) == ("queueing.set_config", "was wrong")
    assert entry.changes["undoes"] == str(last.id)


def test_what_was_undone_may_be_undone_too(room):
    undo(room, change(room, capacity=80).id)
    undo(room, changes.last_change(room.pk).id)
    assert row(room).capacity == 80


def test_only_the_change_that_was_seen_is_undone(room):
    seen = change(room, capacity=80)
    change(room, capacity=90)
    with pytest.raises(QueueConfigChanged):
        undo(room, seen.id)
    assert row(room).capacity == 90


@pytest.mark.control
def test_control_a_change_in_between_is_seen_by_its_version(room, monkeypatch):
    seen = change(room, capacity=80)
    real = changes.last_change

    def raced(performance_id):
        found = real(performance_id)
        monkeypatch.setattr(changes, "last_change", real)
        change(room, rate_per_second=Decimal(7))
        return found

    monkeypatch.setattr(changes, "last_change", raced)
    with pytest.raises(QueueConfigChanged):
        undo(room, seen.id)
    assert (row(room).capacity, row(room).rate_per_second) == (80, 7)


def test_what_is_no_steering_is_not_undone_by_a_press(room):
    last = change(room, capacity=80, session_seconds=300)
    assert not last.undoable
    with pytest.raises(NothingToUndo):
        undo(room, last.id)
    assert row(room).session_seconds == 300


def test_without_a_change_there_is_nothing_to_undo(room):
    assert changes.last_change(room.pk) is None
    with pytest.raises(NothingToUndo):
        undo(room, uuid7())


def test_a_room_goes_on_as_it_is_due(room):
    now = clock.now()
    found = rules([room.pk])[room.pk]
    assert changes.state_to_go_on(found, now=now) == "OPEN"
    assert changes.state_to_go_on(found, now=found.admits_from - timedelta(seconds=1)) == "PRESALE"
