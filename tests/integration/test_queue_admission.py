"""What a hold takes for a fan's admission (Note [Ended places] in queueing/ended_places.py)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.redis.clients import breaker
from queueing import admission, ended_places
from queueing.ended_places import EndedPlace
from queueing.errors import QueueNotAdmitted, QueueTokenInvalid
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from reservations.claims import seat_claims
from tests.support import factories
from tests.support.holding import place, place_best
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room, make_room

LETTERS = {"leave": PlaceState.LEFT, "finish": PlaceState.FINISHED}


@pytest.fixture
def sale(db_ready) -> Room:
    """A sale with a waiting room of two places."""
    performance = factories.make_performance(seats=8)
    now = factories.clock.now().replace(microsecond=0)
    make_room(performance=performance, now=now, capacity=2, session_seconds=60)
    return Room(performance, now)


@pytest.fixture
def hold(sale):
    """Hold the next free seat by a token."""
    free = factories.seat_ids(sale.performance)

    def next_seat(user, token):
        held = place(user, sale.performance, free[:1], queue_token=token, now=sale.now)
        del free[0]
        return held

    return next_seat


def test_a_pass_is_good_until_the_moment_it_names_without_asking_anybody():
    room = Room.open(capacity=1, session_seconds=60)
    user, joined = room.join()
    assert joined.admitted_until == room.now + timedelta(seconds=60)

    def check():
        asked = {"user_id": user, "performance_id": room.performance.pk, "now": room.now}
        return admission.check(token=joined.admission_pass, **asked)

    room.later(59)
    with counted_round_trips() as trips:
        assert check().number == joined.number
    assert (trips.sql, trips.redis) == ([], [])
    room.later(1)
    with pytest.raises(QueueTokenInvalid):
        check()


@pytest.mark.parametrize("end", LETTERS)
def test_giving_the_place_up_ends_the_pass(sale, hold, end):
    user, joined = sale.join(factories.make_user().pk)
    hold(user, joined.admission_pass)
    getattr(sale, end)(user)
    for token in (joined.admission_pass, sale.tokens[user]):  # one answer for both
        with pytest.raises(QueueNotAdmitted) as refusal:
            hold(user, token)
        assert refusal.value.extras == {"state": LETTERS[end].value}


def test_the_room_counts_all_who_may_hold(sale, hold):
    """However many come and leave in a moment, only those inside hold seats by their passes."""
    passes = {}
    for _ in range(6):
        user, joined = sale.join(factories.make_user().pk)
        passes[user] = joined.admission_pass
        if len(passes) < 6:
            sale.later(1).leave(user)
    held = 0
    for user, admission_pass in passes.items():
        try:
            hold(user, admission_pass)
            held += 1
        except QueueNotAdmitted:
            pass
    status = waiting_room.public_status(performance_id=sale.performance.pk, now=sale.now)
    assert held == status.active == 1


@pytest.mark.parametrize("end", LETTERS)
@pytest.mark.parametrize("seconds", [0, 1])
def test_joining_again_gives_a_pass_that_works(sale, hold, end, seconds):
    user, first = sale.join(factories.make_user().pk)
    for _ in range(3):
        getattr(sale, end)(user)
        sale.later(seconds)
        _, again = sale.join(user)
        assert again.admission_pass
        hold(user, again.admission_pass)
        with pytest.raises(QueueNotAdmitted):
            hold(user, first.admission_pass)


def test_paying_ends_the_pass_of_the_session_it_was_paid_in(sale):
    waiter, _ = sale.join(factories.make_user().pk)
    sale.leave(waiter)
    sale.join_many(2)  # the room is full
    _, again = sale.join(waiter)
    assert again.state is PlaceState.WAITING
    sale.finish(waiter)  # for a hold of before: the new place goes on
    assert sale.poll(waiter).state is PlaceState.WAITING


def test_it_ends_though_the_note_of_an_earlier_end_comes_late(sale, hold):
    user, first = sale.join(factories.make_user().pk)
    sale.later(5).leave(user)
    _, second = sale.join(user)
    sale.later(5).leave(user)
    early = EndedPlace(user, int(sale.now.timestamp() * 1000) - 5000, "L")
    ended_places.record_ends(performance_id=sale.performance.pk, ends=[early])
    for admission_pass in (first.admission_pass, second.admission_pass):
        with pytest.raises(QueueNotAdmitted):
            hold(user, admission_pass)


def test_a_hold_costs_no_call_more(sale, hold):
    user, joined = sale.join(factories.make_user().pk)
    hold(user, joined.admission_pass)
    with counted_round_trips() as trips:
        hold(user, joined.admission_pass)
    assert trips.redis == ["FCALL fr_claim_seats", "FCALL fr_write_seats"]
    sale.leave(user)
    with counted_round_trips() as trips, pytest.raises(QueueNotAdmitted):
        hold(user, joined.admission_pass)
    assert (trips.redis, trips.sql) == (["FCALL fr_claim_seats"], [])


def test_the_best_seats_are_no_way_around(sale):
    user, joined = sale.join(factories.make_user().pk)
    sale.leave(user)
    with pytest.raises(QueueNotAdmitted):
        place_best(user, sale.performance, 1, queue_token=joined.admission_pass, now=sale.now)


def test_notes_are_forgotten_when_no_token_can_name_the_place(sale, lock_redis):
    user, _ = sale.join(factories.make_user().pk)
    sale.leave(user)
    life = lock_redis.pttl(ended_places.key(sale.performance.pk, user))
    assert 0 < life <= 48 * 3600 * 1000


class TestWithTheLockServerAway:
    @pytest.fixture
    def down(self, parts):
        yield parts.part("lock").stop
        parts.part("lock").start()
        breaker("lock").reset()

    def test_a_pass_counts_until_its_sessions_end(self, sale, hold, down):
        user, joined = sale.join(factories.make_user().pk)
        down()
        before = ended_places.records_failed._value.get()
        sale.leave(user)
        assert ended_places.records_failed._value.get() == before + 1
        hold(user, joined.admission_pass)

    def test_paying_does_not_fail(self, sale, down):
        user, _ = sale.join(factories.make_user().pk)
        down()
        sale.finish(user)
        assert sale.poll(user).state is PlaceState.FINISHED


@pytest.mark.control
def test_control_a_claim_that_does_not_ask_lets_in_those_who_left(sale, hold, monkeypatch):
    claim = seat_claims.claim_many

    def claim_without_asking(*, requests, **asked):
        return claim(requests=[replace(one, joined_ms=None) for one in requests], **asked)

    monkeypatch.setattr(seat_claims, "claim_many", claim_without_asking)
    user, joined = sale.join(factories.make_user().pk)
    sale.leave(user)
    hold(user, joined.admission_pass)
