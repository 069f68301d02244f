"""A whole sale in one state machine: the rules of waiting room and holds, and what joins them."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import breaker, client
from payments.models import Payment
from points.models import Entry
from queueing import queries
from queueing.errors import (
    QueueNotAdmitted,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueUnavailable,
)
from queueing.models import QueueProgress
from tests.support import servers
from tests.support.waiting_rooms import Room, make_room
from tests.support.walks.holds import (
    BUYER,
    BUYERS,
    HOLD,
    LIMIT,
    POINTS,
    SEATS_WANTED,
    HoldsWalk,
)
from tests.support.walks.room import CROWD, RoomWalk, server_here

GRACE, SESSION = 30, 300
# What a fan shows when holding seats; what is of use more often than what is not.
SHOWN = st.sampled_from(["pass", "pass", "pass", "token", "token", "nothing", "another's"])
ROLES = st.sampled_from(["queue", "lock"])


class SaleMachine(RoomWalk, HoldsWalk, RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 4), rate=st.sampled_from([1, 2, 5]))
    def begin(self, capacity, rate):
        now = clock.now().replace(microsecond=0)
        self.begin_holds(now)
        self.crashes = {"queue": 1, "lock": 1}  # still to come: each takes its time,
        self.wipes = 1  # and with too many nobody gets far
        config = {"rate_per_second": rate, "capacity": capacity, "state": "OPEN"}
        config |= {"grace_seconds": GRACE, "session_seconds": SESSION}
        room = Room(make_room(performance=self.performance, now=now, **config), now)
        users = [fan.pk for fan in self.fans] + [uuid7() for _ in range(CROWD - BUYERS)]
        self.begin_room(room, users, capacity=capacity, rate=rate)

    @property
    def now(self):
        return self.room.now

    @rule(seconds=st.sampled_from([0.2, 1, 3, 7]))
    def time_passes(self, seconds):
        self.room.later(seconds)
        self.latest = self.now

    @rule(seconds=st.sampled_from([HOLD / 2, HOLD]))
    def a_hold_passes(self, seconds):
        self.time_passes(seconds)

    # --- holding, with what proves an admission

    @rule(target=HoldsWalk.made, fan=BUYER, chosen=SEATS_WANTED, shown=SHOWN)
    def place(self, fan, chosen, shown):
        seats = [self.seats[index] for index in chosen]
        return self._enter(fan, shown, lambda token: self.held_seats(fan, seats, token))

    @rule(target=HoldsWalk.made, fan=BUYER, count=st.integers(1, LIMIT), shown=SHOWN)
    def place_best(self, fan, count, shown):
        return self._enter(fan, shown, lambda token: self.held_best(fan, count, token))

    @server_here
    @rule(target=HoldsWalk.made, fan=BUYER, chosen=SEATS_WANTED, shown=SHOWN)
    def queue_and_place(self, fan, chosen, shown):
        self.join(fan)
        return self.place(fan, chosen, shown)

    def _enter(self, fan, shown, hold):
        user = self.users[fan]
        mine = self.passes.get(user)
        if shown == "pass" and mine:
            return self._enter_by_pass(user, mine, hold)
        if shown in ("pass", "token") and user in self.room.tokens:
            here = "queue" not in self.down
            return (self._enter_by_token if here else self._enter_by_progress)(user, hold)
        if shown == "another's":
            other = self.users[(fan + 1) % BUYERS]
            place = self.passes.get(other)
            token = place.admission_pass if place else self.room.tokens.get(other)
        else:
            token = None
        with pytest.raises(QueueTokenInvalid if token else QueueTokenRequired):
            hold(token)
            raise AssertionError("held without an admission")
        return multiple()

    def _enter_by_pass(self, user, place, hold):
        """A pass is believed until it ends or its place is given up, whatever the server knows."""
        is_dead = self.dead_passes.get(user, False) and "lock" not in self.down
        try:
            made = hold(place.admission_pass)
        except QueueTokenInvalid:
            assert place.admitted_until <= self.now, "a pass was refused"
            return multiple()
        except QueueNotAdmitted:
            assert is_dead, "a pass was refused"
            return multiple()
        assert place.admitted_until > self.now, "held without an admission"
        assert not (is_dead and isinstance(made, UUID)), "held by a pass that was given up"
        return made

    def _enter_by_token(self, user, hold):
        """The room says whether the fan is in; asking it counts as coming."""
        had_session, over = self.has_session(user), user in self.over
        shown = self._shown_of_lost(user, self.room.tokens[user])
        try:
            made = self.step(lambda: hold(self.room.tokens[user]), by=user)
        except QueueNotAdmitted:
            assert not had_session, "an admitted fan was refused"
            assert not self.server_knows(user, "GA"), "an admitted fan was refused"
            made, admitted = multiple(), False
            if not self.server_knows(user):
                self.place_ended(user)
        else:
            assert not over, "held without an admission"
            admitted = self.server_knows(user, "A")
            assert admitted, "held without an admission"
        self.lost.discard(user)
        if admitted and shown and shown.until_ms:
            self.restored += 1
            self.sessions[user] = clock.from_ms(shown.until_ms)
        elif admitted and not had_session:
            self.sessions[user] = self.now + timedelta(seconds=SESSION)
        return made

    def _enter_by_progress(self, user, hold):
        serving = QueueProgress.objects.get(performance=self.performance).serving
        given_up = self.given_up.get(user, False) and "lock" not in self.down
        served = self.number[user] <= serving
        try:
            made = hold(self.room.tokens[user])
        except QueueNotAdmitted:
            assert given_up or not served, "an admitted fan was refused"
            return multiple()
        assert served, "held without an admission"
        assert not (given_up and isinstance(made, UUID)), "held by a place that was given up"
        return made

    # --- paying

    @rule(id_=HoldsWalk.made)
    def pay(self, id_):
        here = "queue" not in self.down
        user = self.users[self.owners[id_]]
        waited = here and str(user) in self.waiting()
        sold = self.step(lambda: self.paid(id_), by=user) if here else self.paid(id_)
        if sold and here and not waited:  # a fan who joined again keeps that place
            assert not self.server_knows(user), "paid and still there"
            self.place_given_up(user)

    # --- servers crash and come back, with all their data or with none

    @precondition(lambda self: self.wipes and "queue" not in self.down)
    @rule()
    def the_queue_server_is_wiped(self):
        self.wipes -= 1
        super().the_queue_server_is_wiped()

    @precondition(lambda self: any(self.crashes.values()))
    @rule(role=ROLES, keeps=st.booleans())
    def crash(self, role, keeps):
        if not self.crashes[role] or role in self.down:
            return
        self.crashes[role] -= 1
        if not keeps:
            client(role).flushall()
        client(role).save()
        part(role).kill()
        self.down |= {role}
        if role == "queue":
            queries.serving_cache.clear()  # as it is a second later
            if not keeps:
                self.queue_server_lost_everything()
        elif keeps:
            self.gate_stale = True
        if role == "lock":
            self.gate_forgot = True
            if not keeps:
                self.notes_lost()

    @precondition(lambda self: self.down)
    @rule()
    def come_back(self):
        for role in self.down:
            part(role).start()
            breaker(role).reset()
        if "queue" in self.down:
            state = self.queue.hgetall(self.prefix + "state")
            self.admitted_before = int(state.get(b"admitted", 0))
        self.down = frozenset()

    @precondition(lambda self: self.crashes["lock"] and self.live and not self.down)
    @rule(target=HoldsWalk.made, seconds=st.sampled_from([0.2, 1, 3]), shown=SHOWN)
    def come_back_with_claims_that_are_over(self, seconds, shown):
        """Release a hold while the lock server is down; it still has the claims afterwards."""
        id_, (fan, seats, _until) = next(iter(self.live.items()))
        self.crash("lock", True)
        self.release(id_, "the owner")
        self.come_back()
        self.time_passes(seconds)
        return self._enter(fan, shown, lambda token: self.held_seats(fan, seats, token))

    @precondition(lambda self: "queue" in self.down)
    @rule(fan=BUYER)
    def ask_the_room_that_is_away(self, fan):
        user = self.users[fan]
        with pytest.raises(QueueUnavailable):
            self.room.join(user)
        if user in self.room.tokens:
            with pytest.raises(QueueUnavailable):
                self.room.poll(user)

    def teardown(self):
        if not hasattr(self, "room"):
            return
        for role in self.down:
            part(role).start()
            breaker(role).reset()
        super().teardown()
        for role, crashes in self.crashes.items():
            if not crashes:  # what it would come back with next time
                client(role).flushall()
                client(role).save()

    # --- what must hold of both together

    @invariant()
    def money_balances(self):
        assert Entry.objects.aggregate(sum=Sum("amount"))["sum"] == 0, "money came or went"
        paid = Payment.objects.filter(
            reservation__performance=self.performance, status=Payment.Status.PAID
        ).aggregate(sum=Sum("amount"))["sum"]
        assert (paid or 0) == BUYERS * POINTS - sum(self.points.values()), "money came or went"


def part(role):
    return servers.running.part(role)
