"""Whatever fans, staff, the clock and faults do, in whatever order: the promises hold.

A rule-based state machine (hypothesis) over the use cases, on the real queue server and the real
PostgreSQL, with a clock that only the machine moves.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kernel.ids import uuid7
from kernel.redis.roles import client
from queueing import policy
from queueing.errors import QueueClosed, QueuePaused
from queueing.models import QueueProgress
from queueing.replies import PlaceState
from queueing.usecases import config as config_use_case
from queueing.usecases import waiting_room
from queueing.usecases.waiting_room import Place
from tests.support.waiting_rooms import Room, weaken_library

ENDED = {PlaceState.EXPIRED, PlaceState.LEFT, PlaceState.FINISHED}
CROWD = 8
FANS = st.integers(0, CROWD - 1)


class WaitingRoomMachine(RuleBasedStateMachine):
    @initialize(
        capacity=st.integers(1, 3),
        rate=st.sampled_from([1, 2, 5]),
        grace=st.sampled_from([5, 10]),
        session=st.sampled_from([30, 40]),
    )
    def begin(self, capacity, rate, grace, session):
        self.redis = client("queue")
        self.room = Room.open(
            capacity=capacity,
            rate_per_second=rate,
            grace_seconds=grace,
            session_seconds=session,
            state="OPEN",
        )
        self.prefix = f"fr:q:{{{self.room.performance.pk}}}:"
        self.capacity, self.rate = capacity, rate
        self.users = [uuid7() for _ in range(CROWD)]
        self.state = "OPEN"
        self.number: dict = {}  # the last number each user was given
        self.given: list[int] = []
        self.passes: dict = {}
        self.restored = 0  # sessions brought back by passes since the loss
        self.epoch_began = self.room.now
        self.lost: set = set()  # places the server has lost and not got back
        for fan in range(CROWD - 2):  # a queue from the start, or most steps would do nothing
            self.join(fan)

    # --- what fans do

    @rule(fan=FANS)
    def join(self, fan):
        user = self.users[fan]
        known = self._server_knows(user)
        try:
            _, place = self._step(lambda: self.room.join(user), by=user)
        except (QueuePaused, QueueClosed):
            if self.state == "OPEN":
                raise
            return
        if place.created:
            assert not known, "a place was thrown away"
            assert user not in self.lost, "a token did not bring its place back"
            assert place.number not in self.given, "a number was given twice"
            assert not self.given or place.number > max(self.given), "not at the end"
            self.given.append(place.number)
            self.number[user] = place.number
        self._seen(user, place)

    @rule(fan=FANS)
    def poll(self, fan):
        user = self.users[fan]
        if user in self.room.tokens:
            self._seen(user, self._step(lambda: self.room.poll(user), by=user))

    @rule(fan=FANS)
    def poll_with_pass(self, fan):
        user = self.users[fan]
        if user in self.passes and self.passes[user].admitted_until > self.room.now:
            if user in self.lost:
                self.restored += 1
            token = self.passes[user].admission_pass
            self._seen(user, self._step(lambda: self.room.poll(user, token=token), by=user))

    @rule()
    def everybody_polls(self):
        for fan in reversed(range(CROWD)):
            self.poll(fan)

    @rule(fan=FANS)
    def leave(self, fan):
        user = self.users[fan]
        self._step(lambda: self.room.leave(user), by=user)
        self.lost.discard(user)
        assert not self._server_knows(user), "left and still there"

    @rule(fan=FANS)
    def finish(self, fan):
        user = self.users[fan]
        waited = str(user) in self._waiting()
        cold = not self.redis.exists(self.prefix + "state")
        self._step(lambda: self.room.finish(user), by=user)
        if not waited:  # somebody who waits anew keeps that place
            assert not self._server_knows(user), "finished and still there"
        if not cold:
            self.lost.discard(user)

    # --- what time, staff and faults do

    @rule()
    def tick(self):
        self._step(lambda: waiting_room.advance(now=self.room.now))

    @rule(ms=st.sampled_from([-2000, 1, 100, 500, 1000, 3000, 8000, 35_000]))
    def time_passes(self, ms):
        self.room.later(ms / 1000)

    @rule(state=st.sampled_from(["OPEN", "PAUSED", "DRAINING"]))
    def staff_change_the_state(self, state):
        self.state = state
        self._step(lambda: self._configure(state=state))

    @precondition(lambda self: len(self.given) > 2)
    @rule()
    def the_server_is_wiped(self):
        self.redis.flushall()
        self.lost = {
            user for user, token in self.room.tokens.items() if token and user in self.number
        }
        self.restored = 0

    # --- what must hold

    @invariant()
    def never_more_than_capacity(self):
        now_ms = int(self.room.now.timestamp() * 1000)
        newest = int(self.redis.hget(self.prefix + "state", "now") or 0)
        live = self.redis.zcount(self.prefix + "active", f"({max(now_ms, newest)}", "+inf")
        assert live <= self.capacity + self.restored, "too many at a time"

    @invariant()
    def never_faster_than_the_rate(self):
        state = self.redis.hgetall(self.prefix + "state")
        if not state:
            return
        admitted, resume, now = (int(state[name]) for name in (b"admitted", b"resume", b"now"))
        began = resume or int(self.epoch_began.timestamp() * 1000)
        burst = 0 if resume else 2 * self.rate
        earned = burst + self.rate * max(0, now - began) / 1000
        assert admitted <= earned + 1e-6, "too many in this time"

    @invariant()
    def everybody_is_in_one_place(self):
        waiting = self._waiting()
        active = {key.decode() for key in self.redis.zrange(self.prefix + "active", 0, -1)}
        assert not set(waiting) & active, "in two places"
        people = {
            key.decode(): value.decode().split()
            for key, value in self.redis.hgetall(self.prefix + "people").items()
        }
        said = {user for user, record in people.items() if record[1] == "W"}
        assert said == set(waiting), "a record and the queue differ"
        said = {user for user, record in people.items() if record[1] in "GA"}
        assert said == active, "a record and the sessions differ"
        for user, number in waiting.items():
            assert int(people[user][0]) == number, "a record and the queue differ"
        assert len(set(waiting.values())) == len(waiting), "a number was given twice"

    @invariant()
    def numbers_stay_below_the_ceiling_kept(self):
        progress = QueueProgress.objects.filter(performance=self.room.performance).first()
        if self.given:
            assert max(self.given) <= progress.number_ceiling, "a number past the ceiling"

    # --- how it looks

    def _step(self, act: Callable, by=None):
        """Run `act`; whoever it admitted came before everybody who still waits."""
        before = self._waiting()
        try:
            return act()
        finally:
            after = self._waiting()
            mine = {str(by)} if by else set()
            called = [n for user, n in before.items() if user not in after and user not in mine]
            left_behind = [n for user, n in after.items() if user in before]
            if called and left_behind:
                assert max(called) < min(left_behind), "somebody was overtaken"

    def _seen(self, user, place: Place) -> None:
        assert place.number == self.number[user], "a place changed its number"
        if place.state is PlaceState.ADMITTED:
            assert place.admitted_until, "admitted without an end"
            self.passes[user] = place
        self.lost.discard(user)

    def _waiting(self) -> dict[str, int]:
        entries = self.redis.zrange(self.prefix + "waiting", 0, -1, withscores=True)
        return {user.decode(): int(number) for user, number in entries}

    def _server_knows(self, user) -> bool:
        """Say whether the server holds a live place of the user (deadline and all)."""
        record = self.redis.hget(self.prefix + "people", str(user))
        if record is None:
            return False
        _, letter, deadline, _ = record.decode().split()
        newest = int(self.redis.hget(self.prefix + "state", "now") or 0)
        now_ms = max(newest, int(self.room.now.timestamp() * 1000))
        return letter == "W" or (letter in "GA" and int(deadline) > now_ms)

    def _configure(self, **changes) -> None:
        config_use_case.set_config(
            performance_id=self.room.performance.pk,
            changes=changes,
            actor_id=None,
            reason="machine",
            now=self.room.now,
        )


def run(examples: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        WaitingRoomMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def weakened(monkeypatch, tmp_path, db_ready):
    """Run the room on the library without one of its guards."""
    return lambda guard, replacement: weaken_library(monkeypatch, tmp_path, guard, replacement)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch, db_ready):
    monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)  # so that ceilings are met all the time


@pytest.mark.timeout(300)
def test_the_promises_hold_whatever_happens():
    run(20, Phase.generate)


@pytest.mark.control
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("guard", "replacement", "broken"),
    [
        ("room.capacity - live, ", "", "too many at a time"),
        ("math.floor(room.credit + 1e-6), ", "", "too many in this time"),
        ("'ZPOPMIN'", "'ZPOPMAX'", "somebody was overtaken"),
        ("'next', args[4]", "'next', 0", "a number was given twice|not at the end"),
        ("epoch >= room.epoch then", "true then", "a token did not bring|a place changed"),
        ("record.letter == 'W' and 3 or 4", "4", "a record and the queue differ"),
    ],
    ids=["capacity", "rate", "order", "new epoch's numbers", "tokens", "leaving"],
)
def test_control_the_machine_finds_a_missing_guard(weakened, guard, replacement, broken):
    weakened(guard, replacement)
    with pytest.raises(AssertionError, match=f"^({broken})"):
        run(40, Phase.generate)
