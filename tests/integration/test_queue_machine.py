"""Whatever fans, staff, the clock and faults do in a waiting room: the promises hold.

A rule-based state machine (hypothesis) over the use cases, on the real queue server and the real
PostgreSQL, with a clock that only the machine moves.
"""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kernel.ids import uuid7
from queueing import policy
from tests.support.waiting_rooms import Room
from tests.support.walks.room import CROWD, FANS, RoomWalk
from tests.support.walks.running import walk


class WaitingRoomMachine(RoomWalk, RuleBasedStateMachine):
    @initialize(
        capacity=st.integers(1, 3),
        rate=st.sampled_from([1, 2, 5]),
        grace=st.sampled_from([5, 10]),
        session=st.sampled_from([30, 40]),
    )
    def begin(self, capacity, rate, grace, session):
        room = Room.open(
            capacity=capacity,
            rate_per_second=rate,
            grace_seconds=grace,
            session_seconds=session,
            state="OPEN",
        )
        users = [uuid7() for _ in range(CROWD)]
        self.begin_room(room, users, capacity=capacity, rate=rate)

    @rule(fan=FANS)
    def finish(self, fan):
        user = self.users[fan]
        waited = str(user) in self.waiting()
        self.step(lambda: self.room.finish(user), by=user)
        if not waited:  # a fan who joined again keeps that place
            assert not self.server_knows(user), "finished and still there"
            self.place_given_up(user)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch, db_ready):
    monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)  # so that ceilings are met all the time


@pytest.mark.timeout(300)
def test_the_promises_hold_whatever_happens():
    walk(WaitingRoomMachine, examples=20)


@pytest.mark.control
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("guard", "replacement", "broken"),
    [
        ("room.capacity - live, ", "", "too many at a time"),
        ("math.floor(room.credit + 1e-6), ", "", "too many in this time"),
        ("'ZPOPMIN'", "'ZPOPMAX'", "somebody was overtaken"),
        (
            "'next', start",
            "'next', 0",
            "a number was given twice|not at the end|a token did not bring",
        ),
        ("token.epoch == room.epoch or", "true or", "a token did not bring|a place changed"),
        ("if token.fate ~= FATE_KEPT then", "if false then", "a place that was given up came back"),
        (
            "if until_ms > 0 or number <= room.called then",
            "if false then",
            "a turn came|a token did",
        ),
        (
            "record.state_code == WAITING and room.waiting_key or room.active_key",
            "room.active_key",
            "a record and the queue differ",
        ),
    ],
    ids=[
        "capacity",
        "rate",
        "order",
        "new epoch's numbers",
        "tokens",
        "given up",
        "used up",
        "leaving",
    ],
)
def test_control_the_machine_finds_a_missing_guard(weakened, guard, replacement, broken):
    weakened(guard, replacement)
    with pytest.raises(AssertionError, match=f"^({broken})"):
        walk(WaitingRoomMachine, examples=400)  # ends with the first that fails
