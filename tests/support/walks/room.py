"""Random steps in a waiting room, with what must hold after each of them.

Plain Python beside the real queue server: who was given which number, whose session lasts until
when, what the server has lost. Machines inherit the rules and call `begin_room` first.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from kernel.ids import uuid7
from kernel.redis.clients import client
from queueing import tokens
from queueing.errors import QueueClosed, QueuePaused
from queueing.models import QueueConfig, QueueProgress
from queueing.replies import PlaceState
from queueing.tokens import Proof
from queueing.usecases import waiting_room
from queueing.usecases.waiting_room import QueuePlace
from tests.support.waiting_rooms import Room

CROWD = 8
FANS = st.integers(0, CROWD - 1)

server_here = precondition(lambda self: "queue" not in self.down)


class RoomWalk:
    """Rules and invariants of one waiting room; `down` names the servers that are down."""

    down: frozenset[str] = frozenset()

    def begin_room(self, room: Room, users: list[UUID], *, capacity: int, rate: int) -> None:
        """Let the first fans queue, or most steps would do nothing."""
        self.queue = client("queue")
        self.room = room
        self.prefix = f"fr:q:{{{room.performance.pk}}}:"
        self.capacity, self.rate = capacity, rate
        self.users = users
        self.state = "OPEN"
        self.number: dict[UUID, int] = {}  # the last number each user was given
        self.given: list[int] = []
        self.passes: dict[UUID, QueuePlace] = {}
        self.sessions: dict[UUID, datetime] = {}  # those the room reported and that have not ended
        self.over: set[UUID] = set()  # who surely has no place, until the next join
        self.restored = 0  # sessions brought back by passes since the loss
        self.admitted_before = 0  # in earlier epochs, as far as the server kept count
        self.began = self.latest = room.now
        self.lost: set[UUID] = set()  # places the server has lost and not got back
        # Who gave the place up and has no new one; and whose pass is of a place given up: whether
        # the lock server knows.
        self.given_up: dict[UUID, bool] = {}
        self.dead_passes: dict[UUID, bool] = {}
        for fan in range(CROWD - 2):
            self.join(fan)

    # --- what fans do

    @server_here
    @rule(fan=FANS)
    def join(self, fan):
        user = self.users[fan]
        known = self.server_knows(user)
        shown = self._shown_of_lost(user, self.room.tokens.get(user))
        try:
            _, place = self.step(lambda: self.room.join(user), by=user)
        except (QueuePaused, QueueClosed):
            if self.state == "OPEN":
                raise
            return
        if place.created:
            assert not known, "a place was thrown away"
            assert not self.should_return(shown), "a token did not bring its place back"
            assert place.number not in self.given, "a number was given twice"
            assert not self.given or place.number > max(self.given), "not at the end"
            self.given.append(place.number)
            self.number[user] = place.number
            self.given_up.pop(user, None)
        else:
            self._has_returned(user, shown, place)
        self._seen(user, place)

    @server_here
    @rule()
    def somebody_new_joins(self):
        """Join as one who never asks again."""
        self.users.append(uuid7())
        self.join(len(self.users) - 1)

    @server_here
    @rule(fan=FANS)
    def poll(self, fan):
        user = self.users[fan]
        if user in self.room.tokens:
            shown = self._shown_of_lost(user, self.room.tokens[user])
            place = self.step(lambda: self.room.poll(user), by=user)
            self._has_returned(user, shown, place)
            self._seen(user, place)

    @server_here
    @rule(fan=FANS)
    def poll_with_pass(self, fan):
        user = self.users[fan]
        if user in self.passes and self.passes[user].admitted_until > self.room.now:
            token = self.passes[user].admission_pass
            shown = self._shown_of_lost(user, token)
            place = self.step(lambda: self.room.poll(user, token=token), by=user)
            self._has_returned(user, shown, place)
            self._seen(user, place)

    @server_here
    @rule()
    def everybody_polls(self):
        for fan in reversed(range(CROWD)):
            self.poll(fan)

    @server_here
    @rule(fan=FANS)
    def leave(self, fan):
        user = self.users[fan]
        self.step(lambda: self.room.leave(user), by=user)
        self.place_given_up(user)
        assert not self.server_knows(user), "left and still there"

    # --- what time, staff and faults do

    @server_here
    @rule()
    def tick(self):
        self.step(lambda: waiting_room.advance(now=self.room.now))

    @rule(ms=st.sampled_from([-2000, 1, 100, 500, 1000, 3000, 8000, 35_000]))
    def time_passes(self, ms):
        self.room.later(ms / 1000)
        self.latest = max(self.latest, self.room.now)

    @server_here
    @rule(state=st.sampled_from(["OPEN", "OPEN", "PAUSED", "DRAINING"]))
    def staff_change_the_state(self, state):
        self.state = state
        self.step(lambda: self.room.set_config(state=state))

    @precondition(lambda self: "queue" not in self.down and len(self.given) > 2)
    @rule()
    def the_queue_server_is_wiped(self):
        self.queue.flushall()
        self.queue_server_lost_everything()

    def queue_server_lost_everything(self) -> None:
        held = self.room.tokens
        self.lost = {user for user, token in held.items() if token and user in self.number}
        self.room.now = self.latest  # the clocks agree by the time another server is up
        self.sessions.clear()
        self.over.clear()
        self.restored = self.admitted_before = 0

    # --- what must hold

    @server_here
    @invariant()
    def never_more_than_capacity(self):
        live = self.queue.zcount(self.prefix + "active", f"({self._server_now_ms()}", "+inf")
        assert live <= self.capacity + self.restored, "too many at a time"

    @server_here
    @invariant()
    def never_faster_than_the_rate(self):
        state = self.queue.hgetall(self.prefix + "state")
        if not state:
            return
        admitted, resume, now = (int(state[name]) for name in (b"admitted", b"resume", b"now"))
        began = resume or int(self.began.timestamp() * 1000)
        burst = 0 if resume else 2 * self.rate
        earned = burst + self.rate * max(0, now - began) / 1000
        assert admitted - self.admitted_before <= earned + 1e-6, "too many in this time"

    @server_here
    @invariant()
    def everybody_is_in_one_place(self):
        waiting = self.waiting()
        active = {key.decode() for key in self.queue.zrange(self.prefix + "active", 0, -1)}
        assert not set(waiting) & active, "in two places"
        people = {
            key.decode(): value.decode().split()
            for key, value in self.queue.hgetall(self.prefix + "people").items()
        }
        said = {user for user, record in people.items() if record[1] == "W"}
        assert said == set(waiting), "a record and the queue differ"
        said = {user for user, record in people.items() if record[1] in "GA"}
        assert said == active, "a record and the sessions differ"
        for user, number in waiting.items():
            assert int(people[user][0]) == number, "a record and the queue differ"
        assert len(set(waiting.values())) == len(waiting), "a number was given twice"
        newest = int(self.queue.hget(self.prefix + "state", "next") or 0)
        assert max(waiting.values(), default=0) <= newest, "a number that was not given"

    @invariant()
    def numbers_stay_below_the_ceiling_kept(self):
        progress = QueueProgress.objects.filter(performance=self.room.performance).first()
        if self.given:
            assert max(self.given) <= progress.number_ceiling, "a number past the ceiling"

    def teardown(self):
        if hasattr(self, "room"):  # the next walk ticks its own alone
            QueueConfig.objects.filter(performance=self.room.performance).delete()
        super().teardown()

    # --- how it looks

    def step(self, act: Callable, by: UUID | None = None):
        """Run `act`; all whom it admitted came before all who still wait."""
        before = self.waiting()
        try:
            return act()
        finally:
            after = self.waiting()
            mine = {str(by)} if by else set()
            called = [n for user, n in before.items() if user not in after and user not in mine]
            left_behind = [n for user, n in after.items() if user in before]
            if called and left_behind:
                assert max(called) < min(left_behind), "somebody was overtaken"

    def waiting(self) -> dict[str, int]:
        entries = self.queue.zrange(self.prefix + "waiting", 0, -1, withscores=True)
        return {user.decode(): int(number) for user, number in entries}

    def server_knows(self, user: UUID, letters: str = "WGA") -> bool:
        """Say whether the server holds a live place of the user (deadline and all)."""
        record = self.queue.hget(self.prefix + "people", str(user))
        if record is None:
            return False
        _, letter, deadline, _ = record.decode().split()
        return letter in letters and (letter == "W" or int(deadline) > self._server_now_ms())

    def place_ended(self, user: UUID) -> None:
        self.lost.discard(user)
        self.sessions.pop(user, None)
        self.over.add(user)

    def place_given_up(self, user: UUID) -> None:
        """Leave or finish: noted on the lock server, if that is there."""
        self.place_ended(user)
        noted = "lock" not in self.down
        self.given_up[user] = noted
        self.dead_passes[user] = noted or self.dead_passes.get(user, False)

    def notes_lost(self) -> None:
        """The lock server has forgotten who gave up what."""
        self.given_up = dict.fromkeys(self.given_up, False)
        self.dead_passes = dict.fromkeys(self.dead_passes, False)

    def _shown_of_lost(self, user: UUID, token: str | None) -> Proof | None:
        """Return what a token says of a place that the server has lost."""
        if token is None or user not in self.lost:
            return None
        return tokens.verify(
            token, user_id=user, performance_id=self.room.performance.pk, now=self.room.now
        )

    def should_return(self, shown: Proof | None) -> bool:
        """Say whether a lost place must come back: it still waits, or its session lasts."""
        if shown is None or shown.user_id in self.given_up:
            return False
        if shown.until_ms:
            return shown.until_ms > self._server_now_ms()
        called = int(self.queue.hget(self.prefix + "state", "called") or 0)
        return shown.number > called

    def _has_returned(self, user: UUID, shown: Proof | None, place: QueuePlace) -> None:
        """Judge what became of a lost place that was shown."""
        if shown is None:
            return
        here = place.state in (PlaceState.WAITING, PlaceState.ADMITTED)
        if self.given_up.get(user):
            assert not here, "a place that was given up came back"
        elif user not in self.given_up:
            assert here == self.should_return(shown), "a token did not bring its place back"
        if shown.until_ms and here:
            assert place.state is PlaceState.ADMITTED, "a turn came twice"
            self.restored += 1

    def has_session(self, user: UUID) -> bool:
        return user in self.sessions and self.sessions[user] > self.latest

    def _seen(self, user: UUID, place: QueuePlace) -> None:
        assert place.number == self.number[user], "a place changed its number"
        admitted = place.state is PlaceState.ADMITTED
        if self.has_session(user):
            assert admitted, "a session was cut short"
            assert place.admitted_until == self.sessions[user], "a session moved its end"
        self.sessions.pop(user, None)
        if admitted:
            assert place.admitted_until, "admitted without an end"
            self.passes[user] = place
            if user not in self.given_up:
                self.dead_passes.pop(user, None)
            self.sessions[user] = place.admitted_until
        self.lost.discard(user)
        if place.state is PlaceState.WAITING:
            in_front = sum(number < place.number for number in self.waiting().values())
            assert place.ahead == in_front, "a wrong number of fans in front"
        has_place = place.state in (PlaceState.WAITING, PlaceState.ADMITTED)
        (self.over.discard if has_place else self.over.add)(user)

    def _server_now_ms(self) -> int:
        newest = int(self.queue.hget(self.prefix + "state", "now") or 0)
        return max(newest, int(self.room.now.timestamp() * 1000))
