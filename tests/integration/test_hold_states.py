"""Random walks through the life of holds, compared with a model of what should be true.

Real PostgreSQL and Valkey; only the clock is the walk's own.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from events.models import OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.roles import client
from points.errors import InsufficientPoints
from reservations import operations, queries
from reservations.models import Reservation
from reservations.seating.chooser import Wish
from reservations.usecases import claims, holds, inventory
from tests.support import factories
from tests.support.holding import inventory_disagreements, place, seats_held_twice
from tests.support.money import balance_of, begin, give_points
from tickets.models import Ticket

SEATS, FANS, LIMIT, HOLD, CAP = 6, 3, 4, 60, 150
PRICE, POINTS = 100, 300  # a fan can pay for fewer seats than the limit allows


class Holds(RuleBasedStateMachine):
    """The model: who has which seat until when, and what became of each reservation."""

    made = Bundle("made")

    @initialize()
    def start(self):
        self.now = clock.now()
        self.performance = factories.make_performance(
            seats=SEATS,
            price=PRICE,
            max_seats_per_fan=LIMIT,
            hold_seconds=HOLD,
            hold_cap_seconds=CAP,
            lapses_before_backoff=0,
            now=self.now,
        )
        self.seats = factories.seat_ids(self.performance)
        self.fans = [factories.make_user() for _ in range(FANS)]
        for fan in self.fans:
            give_points(fan, POINTS)
        self.points = dict.fromkeys(range(FANS), POINTS)
        self.live = {}  # reservation -> (fan, seats, until)
        self.sold = {}  # reservation -> (fan, seats)
        self.ended = {}  # reservation -> how
        self.blocked = set()
        self.gate_lost = False
        self.owners = {}  # reservation -> fan
        self.caps = {}  # reservation -> when no extension helps any more

    def lapse(self):
        for id_, (_fan, _seats, until) in list(self.live.items()):
            if until <= self.now:
                del self.live[id_]
                self.ended[id_] = "EXPIRED"

    def taken(self):
        self.lapse()
        seats = {seat for _fan, held, _until in self.live.values() for seat in held}
        return seats | {seat for _fan, sold in self.sold.values() for seat in sold} | self.blocked

    def owned_by(self, fan):
        held = [seats for owner, seats, _until in self.live.values() if owner == fan]
        bought = [seats for owner, seats in self.sold.values() if owner == fan]
        return sum(len(seats) for seats in [*held, *bought])

    @rule(
        target=made,
        fan=st.integers(0, FANS - 1),
        chosen=st.sets(st.integers(0, SEATS - 1), min_size=1, max_size=LIMIT),
    )
    def place(self, fan, chosen):
        seats = [self.seats[index] for index in chosen]
        taken = self.taken()
        too_many = self.owned_by(fan) + len(seats) > LIMIT
        refusal = hold = None
        try:
            hold = place(self.fans[fan], self.performance, seats, now=self.now)
        except (holds.SeatTaken, holds.SeatLimitExceeded) as error:
            refusal = error
        if isinstance(refusal, holds.SeatTaken):
            named = set(refusal.extras["seat_ids"])
            # A gate that lost its claims may know only some of the seats it refuses.
            assert named == set(seats) & taken or (self.gate_lost and named)
            assert named <= taken
            assert refusal.extras["yours"] == sorted(
                id_
                for id_, (owner, held, _until) in self.live.items()
                if owner == fan and named & set(held)
            )
            return multiple()
        if isinstance(refusal, holds.SeatLimitExceeded):
            assert too_many
            assert refusal.extras == {"limit": LIMIT, "held": self.owned_by(fan)}
            return multiple()
        assert not too_many
        assert not taken & set(seats)
        self.live[hold.id] = (fan, seats, hold.expires_at)
        self.owners[hold.id] = fan
        self.caps[hold.id] = hold.extendable_until
        assert hold.extendable_until == self.now + timedelta(seconds=CAP)
        return hold.id

    @rule(target=made, fan=st.integers(0, FANS - 1), count=st.integers(1, LIMIT))
    def place_best(self, fan, count):
        taken = self.taken()
        too_many = self.owned_by(fan) + count > LIMIT
        try:
            hold = holds.place_best(
                user_id=self.fans[fan].pk,
                performance_id=self.performance.pk,
                wish=Wish(count),
                reservation_id=uuid7(),
                queue_token=None,
                now=self.now,
            )
        except holds.NoSeatsMatch:
            assert SEATS - len(taken) < count
            return multiple()
        except holds.SeatLimitExceeded:
            assert too_many
            return multiple()
        seats = [seat.seat_id for seat in hold.seats]
        assert not too_many
        assert len(seats) == count
        assert not taken & set(seats)
        self.live[hold.id] = (fan, seats, hold.expires_at)
        self.owners[hold.id] = fan
        self.caps[hold.id] = hold.extendable_until
        return hold.id

    @rule(id_=made, fan=st.integers(0, FANS - 1))
    def extend(self, id_, fan):
        self.lapse()
        held = self.live.get(id_)
        try:
            longer = holds.extend(reservation_id=id_, user_id=self.fans[fan].pk, now=self.now)
        except holds.ReservationNotFound:
            assert fan != self.owners[id_]
        except holds.ExtensionLimit:
            assert held[2] == self.caps[id_]
        except operations.ReservationExpired:
            assert self.ended[id_] == "EXPIRED"
        except holds.ReservationNotPending:
            assert id_ in self.sold or self.ended[id_] == "RELEASED"
        else:
            owner, seats, until = held
            assert owner == fan
            until = min(until + timedelta(seconds=HOLD), self.caps[id_])
            assert longer.expires_at == until
            self.live[id_] = (owner, seats, until)

    @rule(seconds=st.sampled_from([0.2, 1, 7, 29, HOLD]))
    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(id_=made, fan=st.integers(0, FANS - 1))
    def release(self, id_, fan):
        self.lapse()
        owner = self.owners[id_]
        try:
            holds.release(reservation_id=id_, user_id=self.fans[fan].pk, now=self.now)
        except holds.ReservationNotFound:
            assert fan != owner
        except holds.PaymentInProgress:
            assert id_ in self.sold
        else:
            assert fan == owner
            assert id_ not in self.sold
            if self.live.pop(id_, None):
                self.ended[id_] = "RELEASED"
            self.ended.setdefault(id_, "EXPIRED")

    @rule(id_=made)
    def pay(self, id_):
        self.lapse()
        fan = self.owners[id_]
        try:
            paid = begin(self.fans[fan], id_, now=self.now)
        except operations.ReservationExpired:
            assert self.ended[id_] == "EXPIRED"
        except operations.ReservationNotPayable:
            assert id_ in self.sold or self.ended[id_] == "RELEASED"
        except InsufficientPoints:
            assert self.points[fan] < PRICE * len(self.live[id_][1])
        else:
            _owner, seats, _until = self.live.pop(id_)
            assert paid.status == "PAID"
            self.sold[id_] = (fan, seats)
            self.points[fan] -= PRICE * len(seats)
            assert self.points[fan] >= 0

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit):
        self.lapse()
        assert holds.expire_lapsed(limit=limit, now=self.now) <= min(limit, len(self.ended))

    @rule(index=st.integers(0, SEATS - 1), block=st.booleans())
    def block(self, index, block):
        seat = self.seats[index]
        change = inventory.block if block else inventory.unblock
        free = seat not in self.taken() - self.blocked
        try:
            change(seat_ids=[seat], reason="walk", actor_id=None, now=self.now)
        except inventory.SeatsNotFree:
            assert block
            assert not free
        else:
            assert free or not block
            (self.blocked.add if block else self.blocked.discard)(seat)

    @rule()
    def lose_the_lock_server(self):
        client("lock").flushall()
        self.gate_lost = True

    @rule()
    def rebuild_the_claims(self):
        for done in claims.rebuild_cold(now=self.now):
            if done.performance_id == self.performance.pk:  # earlier walks left theirs
                assert done.claims == len(self.taken())

    @invariant()
    def the_seat_map_is_the_models(self):
        if not hasattr(self, "live"):
            return
        self.lapse()
        letters = dict.fromkeys(self.seats, "A")
        letters |= dict.fromkeys(self.blocked, "B")
        for _fan, held, _until in self.live.values():
            letters |= dict.fromkeys(held, "T")
        for _fan, sold in self.sold.values():
            letters |= dict.fromkeys(sold, "R")
        seen = queries.availability(performance_id=self.performance.pk, now=self.now)
        assert seen.statuses == "".join(letters[seat] for seat in self.seats)

    @invariant()
    def nothing_contradicts_itself(self):
        if not hasattr(self, "live"):
            return
        assert seats_held_twice(self.now) == []
        assert inventory_disagreements(self.now) == []
        assert {index: balance_of(fan) for index, fan in enumerate(self.fans)} == self.points

    def teardown(self):
        if not hasattr(self, "live"):
            return
        self.lapse()
        expected = (
            dict.fromkeys(self.live, "PENDING") | dict.fromkeys(self.sold, "CONFIRMED") | self.ended
        )
        rows = Reservation.objects.filter(performance=self.performance).prefetch_related("seats")
        seen = {detail.id: detail.status for detail in queries.details(rows, now=self.now)}
        assert seen == expected
        assert {
            (ticket.reservation_id, ticket.seat_id)
            for ticket in Ticket.objects.filter(reservation__in=list(expected))
        } == {(id_, seat) for id_, (_fan, seats) in self.sold.items() for seat in seats}
        for id_ in expected:  # each end is told once
            types = list(
                OutboxEvent.objects.filter(aggregate_id=id_).values_list("type", flat=True)
            )
            assert len(types) == len(set(types)) <= 2
        holds.expire_lapsed(limit=1000, now=self.now + timedelta(hours=1))  # for the next walk


@pytest.mark.timeout(240)
def test_any_walk_agrees_with_the_model(db_ready):
    run_state_machine_as_test(
        Holds,
        settings=settings(
            max_examples=40,
            phases=[Phase.generate],  # shrinking replays for minutes; the walk is printed whole
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
