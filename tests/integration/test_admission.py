"""What a hold believes of a fan's admission."""

from datetime import timedelta

import pytest

from queueing import admission
from queueing.errors import QueueTokenInvalid
from queueing.replies import PlaceState
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import Room


@pytest.mark.parametrize("end", ["leave", "finish"])
def test_a_pass_is_believed_until_the_moment_it_names_whatever_became_of_the_place(end):
    room = Room.open(capacity=1, session_seconds=60)
    user, place = room.join()
    assert place.admitted_until == room.now + timedelta(seconds=60)
    getattr(room, end)(user)
    assert room.poll(user).state in (PlaceState.LEFT, PlaceState.FINISHED)

    def check():
        asked = {"user_id": user, "performance_id": room.performance.pk, "now": room.now}
        return admission.check(token=place.admission_pass, **asked)

    room.later(59)
    with counted_round_trips() as trips:
        assert check().number == place.number
    assert (trips.sql, trips.redis) == ([], [])
    room.later(1)
    with pytest.raises(QueueTokenInvalid):
        check()
