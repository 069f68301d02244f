"""Note [Draw]: who joins before the opening is drawn by lot; who comes later stands behind."""

import json
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from io import StringIO
from statistics import correlation

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis.strategies import integers, text

from kernel.redis.clients import client
from queueing import draw, policy
from queueing.models import DrawCommitment, QueueProgress
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from tests.support.waiting_rooms import Room, whole_second, wipe_queue_server

WAITING, ADMITTED = PlaceState.WAITING, PlaceState.ADMITTED
SEED = "0123456789abcdef0123456789abcdef"
PERMUTED = "room.draw_start + permuted(room.seed, room.drawn)"


def presale(seed: str = SEED, **config) -> Room:
    now = whole_second()
    room = Room.open(now=now, admission_opens_at=now + timedelta(minutes=10), **config)
    if seed:
        DrawCommitment.objects.create(
            performance=room.performance,
            draw_seed=seed,
            commitment=draw.commitment_of(seed),
            committed_at=now,
        )
        QueueProgress.objects.create(
            performance=room.performance, draw_seed=seed, number_ceiling=policy.DRAW_NUMBERS
        )
    return room


def test_the_draw_is_uniform_whatever_the_order_of_joining():
    room = presale()
    numbers = [room.join()[1].number for _ in range(800)]
    assert len(set(numbers)) == len(numbers)
    assert all(1 <= number <= policy.DRAW_NUMBERS for number in numbers)
    # Pearson's chi-square over 16 classes of the draw, for the early and for the late half;
    # 37.7 is passed by chance once in a thousand times (15 degrees of freedom).
    for half in (numbers[:400], numbers[400:]):
        classes = Counter((number - 1) * 16 // policy.DRAW_NUMBERS for number in half)
        assert sum((classes[n] - 25) ** 2 / 25 for n in range(16)) < 37.7
    assert abs(correlation(range(800), numbers)) < 0.12  # 3.3 standard deviations


@pytest.mark.control
def test_control_without_the_draw_coming_first_is_an_advantage(weakened):
    weakened(PERMUTED, "room.draw_start + room.drawn")
    room = presale()
    numbers = [room.join()[1].number for _ in range(100)]
    assert correlation(range(100), numbers) > 0.9


def test_the_drawn_are_admitted_by_lot_and_the_later_in_order_behind_them():
    room = presale(capacity=1, rate_per_second=50)
    drawn = room.join_many(6)
    numbers = {user: room.poll(user).number for user in drawn}
    room.later(601)
    late = room.join_many(3)
    assert [room.poll(user).number for user in late] == sorted(
        room.poll(user).number for user in late
    )
    assert min(room.poll(user).number for user in late) > max(numbers.values())
    served = []
    everybody = [*drawn, *late]
    while len(served) < len(everybody):
        [inside] = [user for user in room.admitted(everybody) if user not in served]
        served.append(inside)
        room.finish(inside)
        room.later(1)
    assert served == [*sorted(drawn, key=numbers.__getitem__), *late]


def test_nobody_draws_twice_by_leaving_and_coming_again():
    room = presale()
    user, first = room.join()
    room.join_many(3)
    for _ in range(3):
        room.leave(user)
        _, again = room.join(user)
        assert (again.number, again.created) == (first.number, True)


def test_who_left_a_place_from_before_the_draw_draws_like_all_others(queue_redis):
    room = Room.open()
    waiting_room.advance(now=room.now)
    wipe_queue_server(queue_redis)
    user, first = room.join()  # open for a moment after a loss, when nobody is admitted
    assert first.state is WAITING
    room.set_config(state="PRESALE", admission_opens_at=room.now + timedelta(minutes=10))
    drawn = room.join()[1].number
    room.leave(user)
    again = room.join(user)[1].number
    progress = QueueProgress.objects.get()
    assert progress.draw_seed
    for number in (again, drawn):
        assert progress.draw_start < number <= progress.draw_start + policy.DRAW_NUMBERS


def test_not_even_the_holder_of_the_last_number_draws_twice():
    room = presale()
    room.join()
    last = policy.DRAW_NUMBERS
    nth = draw.order_of(last, key=SEED, start=0)
    QueueProgress.objects.update(draw_ceiling=last)
    client("queue").hset(f"fr:q:{{{room.performance.pk}}}:state", "drawn", nth - 1)
    user, first = room.join()
    assert first.number == last
    room.leave(user)
    assert room.join(user)[1].number == last


def test_before_the_opening_everybody_else_may_be_ahead():
    room = presale()
    users = room.join_many(5)
    assert {(room.poll(user).ahead, room.poll(user).position) for user in users} == {(4, 5)}


def test_the_draw_survives_the_loss_of_the_server(queue_redis):
    room = presale(seed="", capacity=1, rate_per_second=50)
    users = room.join_many(6)
    numbers = {user: room.poll(user).number for user in users}
    seed = QueueProgress.objects.get(performance=room.performance).draw_seed
    assert len(seed) == 32
    queue_redis.flushall()
    newcomer, place = room.join()
    assert place.number not in numbers.values()
    assert place.number < numbers_end(room)  # drawn as well
    assert {user: room.poll(user).number for user in users} == numbers
    assert QueueProgress.objects.get(performance=room.performance).draw_seed == seed
    queue_redis.flushall()
    room.later(601)
    late, last = room.join()
    assert last.number > numbers_end(room)
    everybody = [*users, newcomer, late]
    numbers |= {newcomer: place.number, late: last.number}
    for user in everybody:
        assert room.poll(user).number == numbers[user]
    served = []
    while len(served) < len(everybody):
        room.later(policy.REBUILD_SECONDS + 1)
        [inside] = [user for user in room.admitted(everybody) if user not in served]
        served.append(inside)
        room.finish(inside)
    assert served == sorted(everybody, key=numbers.__getitem__)


def numbers_end(room: Room) -> int:
    return QueueProgress.objects.get(performance=room.performance).draw_start + policy.DRAW_NUMBERS


def test_numbers_given_in_order_stay_ahead_of_a_later_draw():
    room = Room.open(capacity=100, rate_per_second=1)
    inside = room.join_many(2)
    assert ADMITTED in room.states(inside)
    opens = room.now + timedelta(minutes=10)
    type(room.performance.queue_config).objects.update(
        state="PRESALE", admission_opens_at=opens, version=5
    )
    assert room.join()[1].number < policy.DRAW_NUMBERS


def test_a_room_set_back_to_presale_goes_on_in_order():
    room = presale(capacity=1)
    room.join_many(2)
    room.later(601)
    late = [room.join()[1].number for _ in range(2)]
    room.set_config(admission_opens_at=room.now + timedelta(hours=1))
    assert room.join()[1].number > max(late)


def test_a_ceiling_of_the_draw_is_raised_on_the_way(monkeypatch):
    monkeypatch.setattr(policy, "NUMBER_BLOCK", 3)
    room = presale(seed="")
    numbers = [room.join()[1].number for _ in range(10)]
    assert len(set(numbers)) == 10
    progress = QueueProgress.objects.get(performance=room.performance)
    assert progress.draw_ceiling == 12
    assert max(numbers) <= progress.draw_start + policy.DRAW_NUMBERS <= progress.number_ceiling


def test_a_full_draw_goes_on_in_order():
    room = presale()
    room.join()
    QueueProgress.objects.update(draw_ceiling=policy.DRAW_NUMBERS)
    client("queue").hset(f"fr:q:{{{room.performance.pk}}}:state", "drawn", policy.DRAW_NUMBERS)
    numbers = [room.join()[1].number for _ in range(3)]
    assert numbers == sorted(numbers)
    assert numbers[0] > policy.DRAW_NUMBERS


def test_what_is_committed_to_before_does_not_tell_the_seed():
    room = presale()
    commitment = DrawCommitment.objects.get(performance=room.performance)
    assert len(commitment.commitment) == 64
    assert SEED not in commitment.commitment


def opened(**config) -> tuple[Room, list[int]]:
    """Return a room whose first drawn fan is in, and the numbers in the order of joining."""
    room = presale(capacity=5, **config)
    users = room.join_many(40)
    numbers = [room.poll(user).number for user in users]
    room.later(601)
    assert room.admitted(users)
    waiting_room.advance(now=room.now)
    return room, numbers


def revealed(room: Room, *options: object) -> dict:
    out = StringIO()
    arguments = [str(option) for option in options]
    call_command("draw", "reveal", str(room.performance.pk), *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_after_the_draw_anybody_can_compute_it():
    room, numbers = opened()
    facts = revealed(room, "--joined", *range(1, 41), "--number", *numbers)
    assert sha256(facts["seed"].encode()).hexdigest() == facts["seed_sha256"]
    pairs = [{"joined": nth, "number": number} for nth, number in enumerate(numbers, 1)]
    assert facts["drawn"] == pairs + pairs
    assert (facts["seed"], facts["start"], facts["numbers"]) == (SEED, 0, 2**20)


@given(
    nth=integers(1, policy.DRAW_NUMBERS),
    seed=text("0123456789abcdef", min_size=32, max_size=32),
    start=integers(0, 2**40),
)
def test_each_number_belongs_to_one_place_in_the_order_of_joining(nth, seed, start):
    number = draw.number_of(nth, key=seed, start=start)
    assert start < number <= start + policy.DRAW_NUMBERS
    assert draw.order_of(number, key=seed, start=start) == nth


@pytest.mark.parametrize("when", ["before the opening", "opened, nobody admitted yet"])
def test_the_seed_is_hidden_while_it_could_reveal_a_number(when):
    room = presale(capacity=5)
    room.join_many(3)
    if when != "before the opening":
        type(room.performance.queue_config).objects.update(state="OPEN")
    with pytest.raises(CommandError, match="isn't over") as refusal:
        revealed(room)
    assert SEED not in str(refusal.value)
    commitment = DrawCommitment.objects.get(performance=room.performance)
    assert commitment.commitment in str(refusal.value)
    assert admin.site._registry[DrawCommitment].revealed_seed(commitment) == ""


def test_once_the_seed_may_be_shown_nothing_is_drawn_any_more():
    room, _ = opened()
    commitment = DrawCommitment.objects.get(performance=room.performance)
    assert admin.site._registry[DrawCommitment].revealed_seed(commitment) == SEED
    room.set_config(state="PRESALE", admission_opens_at=room.now + timedelta(hours=1))
    assert room.join()[1].number > numbers_end(room)


def test_without_a_draw_there_is_nothing_to_reveal():
    room = Room.open()
    room.join()
    with pytest.raises(CommandError, match="no draw"):
        revealed(room)


@pytest.mark.parametrize("wrong", [("--joined", 0), ("--number", 2**20 + 1)])
def test_what_was_never_drawn_is_refused(wrong):
    room, _ = opened()
    with pytest.raises(CommandError, match="1048576 numbers"):
        revealed(room, *wrong)
