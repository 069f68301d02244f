"""The waiting room at the very moment of a beginning or an end, and what belongs to which room."""

from datetime import timedelta

from kernel.db.transaction import transaction
from kernel.ids import uuid7
from queueing import ended_places, operations, policy, queries
from queueing.ended_places import EndedPlace
from queueing.models import QueueConfig, QueueProgress
from queueing.replies import PlaceState
from tests.support.waiting_rooms import Room, whole_second

ADMITTED, EXPIRED, FINISHED = PlaceState.ADMITTED, PlaceState.EXPIRED, PlaceState.FINISHED
LEFT, WAITING = PlaceState.LEFT, PlaceState.WAITING


def test_joins_are_taken_from_the_moment_on_at_which_the_queue_opens():
    now = whole_second()
    room = Room.open(now=now, queue_opens_at=now + timedelta(minutes=5))
    room.now = now + timedelta(minutes=5)
    assert room.join()[1].created


def test_at_the_moment_of_the_opening_nothing_is_drawn_any_more():
    now = whole_second()
    opens = now + timedelta(minutes=5)
    room = Room.open(now=now, queue_opens_at=now, admission_opens_at=opens)
    _, drawn = room.join()
    room.now = opens
    _, later = room.join()
    assert drawn.number <= policy.DRAW_NUMBERS < later.number


def test_a_session_is_over_at_its_deadline_though_nothing_else_has_happened():
    room = Room.open(session_seconds=60)
    user, _ = room.join()
    room.later(59.995)
    assert room.poll(user).state is ADMITTED
    room.later(0.005)  # too soon after the last call for the room to look for others
    assert room.poll(user).state is EXPIRED


def test_the_first_end_of_a_place_stays_its_end():
    room = Room.open()
    user, _ = room.join()
    room.finish(user)
    room.later(5)
    room.leave(user)
    assert room.poll(user).state is FINISHED


def test_finishing_is_no_end_of_a_wait():
    room = Room.open(capacity=1)
    room.join()
    user, _ = room.join()
    room.finish(user)
    assert room.poll(user).state is WAITING
    room.leave(user)
    assert room.poll(user).state is LEFT


def test_who_joined_from_an_address_is_forgotten_in_time(queue_redis):
    room = Room.open(accounts_per_address=50)
    room.join(client_ip="10.0.0.1")
    kept = [
        key
        for key in queue_redis.scan_iter(f"fr:q:{{{room.performance.pk}}}:*")
        if queue_redis.type(key) == b"set"
    ]
    assert len(kept) == 1
    assert 0 < queue_redis.ttl(kept[0]) <= policy.REMEMBER_SECONDS


def test_a_place_that_ended_in_the_moment_it_began_has_ended(db_ready):
    place = {"performance_id": uuid7(), "user_id": uuid7()}
    ended_places.record_ends(
        performance_id=place["performance_id"], ends=[EndedPlace(place["user_id"], 5_000, "L")]
    )
    assert ended_places.find_end(**place, joined_ms=5_000) == "L"
    assert ended_places.find_end(**place, joined_ms=5_001) == ""


def test_a_place_taken_again_in_the_same_moment_ends_after_it_began(db_ready):
    room = Room.open()
    user, _ = room.join()
    room.leave(user)
    room.join(user)
    room.leave(user)
    began = int(room.now.timestamp() * 1000) + 1
    place = {"performance_id": room.performance.pk, "user_id": user}
    assert ended_places.find_end(**place, joined_ms=began) == "L"


def test_a_turn_asked_for_one_room_is_no_turn_of_the_others():
    one, other = Room.open(), Room.open()
    for room in (one, other):
        room.join()
    later = one.now + timedelta(hours=1)
    QueueProgress.objects.update(advance_due_at=later)
    with transaction():
        operations.make_due(performance_id=one.performance.pk)
    due = dict(QueueProgress.objects.values_list("performance_id", "advance_due_at"))
    assert due[one.performance.pk] < one.now
    assert due[other.performance.pk] == later


def test_only_a_room_before_its_opening_opens_by_time():
    room = Room.open()
    for state in ("PRESALE", "OPEN", "PAUSED", "DRAINING", "CLOSED"):
        QueueConfig.objects.update(state=state)
        [rules] = queries.rules([room.performance.pk]).values()
        assert rules.state_at(room.now) == ("OPEN" if state == "PRESALE" else state)


def test_the_rules_are_those_of_the_rooms_that_were_asked_for():
    one, other = Room.open(capacity=7), Room.open(capacity=9)
    found = queries.rules([one.performance.pk])
    assert {key: rules.capacity for key, rules in found.items()} == {one.performance.pk: 7}
    assert other.performance.pk not in found
