"""Random steps in the life of holds, with a plain Python model of what should be true.

The model: who has which seat until when, and what became of each reservation. Machines inherit the
rules and call `begin_holds` first.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule

from events.models import OutboxEvent
from kernel.redis.clients import client
from points.errors import InsufficientPoints
from reservations import operations, policy, queries
from reservations.claims import recovery
from reservations.models import Reservation, SalePolicy
from reservations.usecases import holds, inventory
from tests.support import factories
from tests.support.holding import (
    inventory_disagreements,
    place,
    place_best,
    seats_held_twice,
    sweep,
)
from tests.support.money import balance_of, begin, give_points
from tickets.models import Ticket

SEATS, BUYERS, LIMIT, HOLD, CAP = 6, 3, 4, 60, 150
PRICE, POINTS = 100, 300  # a fan can pay for fewer seats than the limit allows
BUYER = st.integers(0, BUYERS - 1)
BY = st.sampled_from(["the owner", "the owner", "the owner", "somebody else"])
SEATS_WANTED = st.sets(st.integers(0, SEATS - 1), min_size=1, max_size=3)
DOUBT = timedelta(milliseconds=policy.CLAIM_STALE_MS)


class HoldsWalk:
    """Rules and invariants of one performance's seats; the machine has `now`."""

    made = Bundle("made")
    down: frozenset[str] = frozenset()  # servers that are down

    def begin_holds(self, now) -> None:
        self.began = now
        self.performance = factories.make_performance(
            seats=SEATS,
            price=PRICE,
            max_seats_per_fan=LIMIT,
            hold_seconds=HOLD,
            hold_cap_seconds=CAP,
            lapses_before_backoff=0,
            now=now,
        )
        self.seats = factories.seat_ids(self.performance)
        self.fans = [factories.make_user() for _ in range(BUYERS)]
        for fan in self.fans:
            give_points(fan, POINTS)
        self.points = dict.fromkeys(range(BUYERS), POINTS)
        self.live = {}  # reservation -> (fan, seats, until)
        self.sold = {}  # reservation -> (fan, seats)
        self.ended = {}  # reservation -> how
        self.blocked = set()
        self.gate_forgot = False  # it may know some of the claims only
        self.gate_stale = False  # it may know claims that are over
        self.looked_at = {}  # seat -> when a claim on it can last have been compared
        self.owners = {}  # reservation -> fan
        self.caps = {}  # reservation -> when no extension helps any more
        self.chosen = {}  # reservation -> its seats

    # --- the model

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

    def may_be_refused_wrongly(self, seats):
        """Say whether a claim that is over may still stand: for a second, and no longer."""
        recent = [seat for seat in seats if self.now - self.looked_at.get(seat, self.now) < DOUBT]
        return self.gate_stale and bool(recent)

    def notes_lost(self) -> None:
        """What else the lock server kept, and has forgotten."""

    # --- what fans do

    @rule(target=made, fan=BUYER, chosen=SEATS_WANTED)
    def place(self, fan, chosen):
        return self.held_seats(fan, [self.seats[index] for index in chosen])

    @rule(target=made, fan=BUYER, count=st.integers(1, LIMIT))
    def place_best(self, fan, count):
        return self.held_best(fan, count)

    def held_seats(self, fan, seats, token=None):
        taken, wrongly = self.taken(), self.may_be_refused_wrongly(seats)
        too_many = self.owned_by(fan) + len(seats) > LIMIT
        # A claim on a seat that nobody has doesn't live on by being asked for.
        self.looked_at |= dict.fromkeys(taken.intersection(seats), self.now)
        try:
            hold = place(self.fans[fan], self.performance, seats, queue_token=token, now=self.now)
        except holds.SeatTaken as refusal:
            self._refusal_is_right(refusal.extras, fan, seats, taken, wrongly=wrongly)
            return multiple()
        except holds.SeatLimitExceeded as refusal:
            extras, owned = refusal.extras, self.owned_by(fan)
        else:
            return self._is_held(fan, hold, too_many, taken, seats)
        assert too_many, "refused within the limit"
        assert extras == {"limit": LIMIT, "held": owned}
        return multiple()

    def _refusal_is_right(self, extras, fan, seats, taken, *, wrongly):
        named = set(extras["seat_ids"])
        if wrongly:
            assert named <= set(seats)
            return
        assert named, "refused because of nothing"
        assert named <= taken, "a seat that nobody has was refused"
        # A gate that lost its claims may know only some of the seats it refuses.
        assert named == set(seats) & taken or self.gate_forgot, "other seats were refused"
        assert extras["yours"] == sorted(
            id_
            for id_, (owner, held, _until) in self.live.items()
            if owner == fan and named & set(held)
        ), "other seats are called one's own"

    def held_best(self, fan, count, token=None):
        taken, wrongly = self.taken(), self.may_be_refused_wrongly(self.seats)
        too_many = self.owned_by(fan) + count > LIMIT
        self.looked_at |= dict.fromkeys(taken, self.now)  # it may have tried any
        try:
            hold = place_best(
                self.fans[fan], self.performance, count, queue_token=token, now=self.now
            )
        except (holds.NoSeatsMatch, holds.SeatTaken) as refusal:
            nothing_left = isinstance(refusal, holds.NoSeatsMatch) and SEATS - len(taken) < count
            assert nothing_left or wrongly, "seats are left"
            return multiple()
        except holds.SeatLimitExceeded:
            assert too_many, "refused within the limit"
            return multiple()
        return self._is_held(fan, hold, too_many, taken)

    def _is_held(self, fan, hold, too_many, taken, wanted=None):
        seats = [seat.seat_id for seat in hold.seats]
        assert wanted is None or set(seats) == set(wanted)
        assert not too_many, "held beyond the limit"
        assert not taken & set(seats), "a seat was had twice"
        assert hold.extendable_until == self.cap_of(fan, seats), "the cap moved"
        self.live[hold.id] = (fan, seats, hold.expires_at)
        self.looked_at |= dict.fromkeys(seats, self.now)
        self.owners[hold.id] = fan
        self.caps[hold.id] = hold.extendable_until
        self.chosen[hold.id] = seats
        return hold.id

    def cap_of(self, fan, seats):
        """Return how long a new hold may last: no longer than an earlier one of these seats."""
        self.lapse()
        earlier = [
            self.caps[id_]
            for id_ in self.ended
            if self.owners[id_] == fan and set(self.chosen[id_]) & set(seats)
        ]
        running = [cap for cap in earlier if cap > self.now]
        return min([*running, self.now + timedelta(seconds=CAP)])

    def fan_of(self, id_, by):
        return self.owners[id_] if by == "the owner" else (self.owners[id_] + 1) % BUYERS

    @rule(id_=made, by=BY)
    def extend(self, id_, by):
        self.lapse()
        fan, held = self.fan_of(id_, by), self.live.get(id_)
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
            self.looked_at |= dict.fromkeys(seats, self.now)

    @rule(id_=made, by=BY)
    def release(self, id_, by):
        self.lapse()
        fan, owner = self.fan_of(id_, by), self.owners[id_]
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
        self.paid(id_)

    def paid(self, id_):
        """Pay for a reservation; say whether it was sold."""
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
            assert self.points[fan] >= 0, "money came or went"
            return True
        return False

    # --- what time, staff and faults do

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit):
        self.lapse()
        assert sweep(limit=limit, now=self.now) <= min(limit, len(self.ended))

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
            self.looked_at[seat] = self.now

    @precondition(lambda self: "lock" not in self.down)
    @rule()
    def the_lock_server_is_wiped(self):
        client("lock").flushall()
        self.gate_forgot = True
        self.notes_lost()

    @rule()
    def the_claims_are_rebuilt(self):
        for done in recovery.rebuild_cold(now=self.now):
            if done.performance_id == self.performance.pk:
                assert done.claims == len(self.taken())
                self.looked_at |= dict.fromkeys(self.taken(), self.now)

    # --- what must hold

    @invariant()
    def the_seat_map_is_the_models(self):
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
        twice = [seat for seat, _ in seats_held_twice(self.now) if seat in self.seats]
        assert twice == [], "a seat was had twice"
        differ = [seat for _, seat, *_ in inventory_disagreements(self.now) if seat in self.seats]
        assert differ == [], "seats and reservations differ"
        balances = {index: balance_of(fan) for index, fan in enumerate(self.fans)}
        assert balances == self.points, "money came or went"

    def teardown(self):
        if not hasattr(self, "live"):
            return
        self.lapse()
        expected = (
            dict.fromkeys(self.live, "PENDING") | dict.fromkeys(self.sold, "CONFIRMED") | self.ended
        )
        rows = Reservation.objects.filter(performance=self.performance).prefetch_related("seats")
        seen = {detail.id: detail.status for detail in queries.details(rows, now=self.now)}
        assert seen == expected, "seats and reservations differ"
        assert {
            (ticket.reservation_id, ticket.seat_id)
            for ticket in Ticket.objects.filter(reservation__in=list(expected))
        } == {(id_, seat) for id_, (_fan, seats) in self.sold.items() for seat in seats}, "tickets"
        for id_ in expected:  # each end is published once
            types = list(
                OutboxEvent.objects.filter(aggregate_id=id_).values_list("type", flat=True)
            )
            assert len(types) == len(set(types)) <= 2
        # The next walk sweeps and rebuilds its own alone.
        sweep(limit=1000, now=self.now + timedelta(hours=1))
        SalePolicy.objects.filter(performance=self.performance).update(sale_closes_at=self.began)
