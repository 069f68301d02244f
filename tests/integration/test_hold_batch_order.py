"""A batch of holds comes to what its fans would come to one by one.

Whatever is random here is made twice: at one performance the requests go in one batch, at its twin
one after the other: those that the batch decided together, in their order, then those that went
alone, those with claims first. Every fan is answered the same, and rows, claims and events agree.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.models import OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import client
from reservations import queries
from reservations.models import Reservation, SeatInventory
from reservations.usecases import holds, inventory
from reservations.usecases.holds.transaction import BatchTransaction
from tests.support import factories, money
from tests.support.holding import inventory_disagreements, place, seats_held_twice, sweep, wanted
from tests.support.unguarded import without_the_gate

SEATS, FANS = 12, 6
LAPSED, LIVE, SOLD, BLOCKED = "lapsed", "live", "sold", "blocked"
AGES = {LAPSED: timedelta(seconds=70), LIVE: timedelta(0), SOLD: timedelta(0)}
NO_SEAT = SEATS


@dataclass(frozen=True)
class Story:
    """What was before, and a batch: (fan, seats) each; fans and seats by number."""

    limit: int
    befores: list
    batch: list


def story(seed):
    """Make one up: mostly different fans, who want some of the same seats."""
    choose = Random(seed)
    befores = [
        (choose.choice([LAPSED, LAPSED, LIVE, LIVE, SOLD, BLOCKED]), choose.randrange(FANS), seat)
        for seat in choose.sample(range(SEATS), choose.randint(0, 6))
    ]
    fans = choose.sample(range(FANS), choose.randint(2, FANS))
    fans += [choose.choice(fans) for _ in range(choose.randint(0, 2))]
    batch = [(fan, choose.sample(range(SEATS), choose.randint(1, 3))) for fan in fans]
    if choose.random() < 0.2:
        batch[choose.randrange(len(batch))][1].append(NO_SEAT)
    return Story(choose.randint(1, 4), befores, batch)


stories = st.builds(story, st.integers(0, 2**32))


@dataclass
class Twin:
    """One of two performances that have seen the same."""

    now: datetime
    limit: int
    fans: list  # the twins have the same
    names: dict = field(default_factory=dict)

    def __post_init__(self):
        self.performance = factories.make_performance(
            seats=SEATS,
            price=10,
            now=self.now,
            hold_seconds=60,
            hold_cap_seconds=180,
            max_seats_per_fan=self.limit,
            lapses_before_backoff=0,
            holds_per_minute=0,
        )
        self.seats = [*factories.seat_ids(self.performance), uuid7()]
        self.names.update({seat: number for number, seat in enumerate(self.seats)})
        self.names.update({fan.pk: f"fan {number}" for number, fan in enumerate(self.fans)})

    def begin(self, befores):
        for number, (state, fan, seat) in enumerate(befores):
            if state == BLOCKED:
                inventory.block(
                    seat_ids=[self.seats[seat]], reason="x", actor_id=None, now=self.now
                )
                continue
            then = self.now - AGES[state]
            try:
                held = place(self.fans[fan], self.performance, [self.seats[seat]], now=then)
            except holds.SeatLimitExceeded:
                continue
            self.names[held.id] = f"before {number}"
            if state == SOLD:
                money.begin(self.fans[fan], held.id, now=then)

    def requests(self, batch):
        made = [
            wanted(self.fans[fan], self.performance, [self.seats[seat] for seat in chosen])
            for fan, chosen in batch
        ]
        for number, request in enumerate(made):
            self.names[request.reservation_id] = f"request {number}"
        return made

    def named(self, outcome):
        """Return an outcome in words that its twin shares."""
        if isinstance(outcome, holds.SeatTaken | holds.SeatNotFound | holds.SeatLimitExceeded):
            extras = {
                name: sorted(self.names[one] for one in value) if isinstance(value, list) else value
                for name, value in outcome.extras.items()
            }
            return outcome.code, extras
        assert not isinstance(outcome, Exception), outcome
        return (
            self.names[outcome.id],
            [self.names[seat.seat_id] for seat in outcome.seats],
            outcome.expires_at,
            outcome.extendable_until,
        )

    def end(self):
        """Return rows, claims and events in words that its twin shares."""
        rows = SeatInventory.objects.filter(performance=self.performance)
        held = Reservation.objects.filter(performance=self.performance)
        return (
            sorted(
                (self.names[row.pk], row.status, self.named_id(row.reservation_id), row.held_until)
                for row in rows
            ),
            sorted((self.names[row.pk], row.status, row.expires_at) for row in held),
            [self.claim_on(seat) for seat in self.seats],
            sorted(
                (self.names[row.aggregate_id], row.type)
                for row in OutboxEvent.objects.filter(aggregate_id__in=[one.pk for one in held])
            ),
        )

    def claim_on(self, seat):
        found = client("lock").get(f"fr:l:{{{self.performance.pk}}}:{seat}")
        if found is None:
            return None
        owner, _, kind, until, _ = found.decode().split("|")
        named = {str(key): name for key, name in self.names.items()}
        return named.get(owner, owner), kind, until

    def named_id(self, key):
        return str(self.names[key]) if key else ""


def one_by_one(twin, requests, decisions):
    """Return the outcomes of requests sent singly, in the order in which the batch decided them."""

    def rank(number):
        decision = decisions[number]
        alone = isinstance(decision, holds.Placement)
        return (alone, alone and not decision.has_claims, number)

    outcomes = {}
    for number in sorted(range(len(requests)), key=rank):
        [outcomes[number]] = holds.place_many([requests[number]], now=twin.now)
    return [outcomes[number] for number in range(len(requests))]


def compare(fans, story):
    now = clock.now()
    together, singly = Twin(now, story.limit, fans), Twin(now, story.limit, fans)
    for twin in (together, singly):
        twin.begin(story.befores)
    queries.forget_sale_terms()
    decisions = holds.place_at_once(together.requests(story.batch), now=now)
    outcomes = holds.decide_all(decisions)
    expected = one_by_one(singly, singly.requests(story.batch), decisions)
    assert [together.named(one) for one in outcomes] == [singly.named(one) for one in expected]
    # A batch may have expired what only a refused fan would have taken over: the sweep does too.
    sweep(now=now)
    assert together.end() == singly.end()
    assert seats_held_twice(now) == []
    assert inventory_disagreements(now) == []


def walk(examples):
    """Compare so many random batches, the same ones each time."""
    fans = [factories.make_user() for _ in range(FANS)]
    for fan in fans:
        money.give_points(fan, 10**6)
    walked = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    walked(given(st.just(fans), stories)(compare))()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("gate", ["open", "away"])
def test_a_batch_comes_to_what_its_fans_come_to_one_by_one(db_ready, monkeypatch, gate):
    if gate == "away":
        without_the_gate(monkeypatch)
    walk(30)


def _the_seats_given_are_forgotten(monkeypatch):
    def taken(self, turn, given):
        return [row for row in turn.rows if not row.is_free(self.now)]

    without_the_gate(monkeypatch)
    monkeypatch.setattr(BatchTransaction, "_taken", taken)
    monkeypatch.setattr(BatchTransaction, "_distrust", lambda self, winners: None)


def _the_limit_is_not_counted(monkeypatch):
    count = queries.seats_of_fans

    def count_for_one(*, wishes, now):
        found = count(wishes=wishes, now=now)
        return found if len(wishes) == 1 else [queries.FanSeats(0, (), None)] * len(wishes)

    monkeypatch.setattr(queries, "seats_of_fans", count_for_one)


@pytest.mark.control
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "remove_guard", [_the_seats_given_are_forgotten, _the_limit_is_not_counted]
)
def test_control_a_batch_that_decides_otherwise_is_noticed(db_ready, monkeypatch, remove_guard):
    remove_guard(monkeypatch)
    with pytest.raises(AssertionError):
        walk(60)
