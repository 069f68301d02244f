"""Holds in batches: what many share, and that each is answered as if alone."""

from contextvars import copy_context
from datetime import timedelta

import pytest

from events.models import OutboxEvent
from kernel import clock
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.rate_limiting.in_redis import RateLimited
from kernel.redis.clients import breaker
from kernel.telemetry import context
from kernel.telemetry.context import Correlation
from reservations import operations, policy, queries
from reservations.models import Reservation, SeatInventory
from reservations.usecases import holds
from reservations.usecases.holds import batches
from reservations.usecases.holds.transaction import BatchTransaction
from tests.support import factories
from tests.support.holding import (
    claim_of,
    inventory_disagreements,
    place,
    seats_held_twice,
    status_of,
    wanted,
)
from tests.support.round_trips import counted_round_trips
from tests.support.unguarded import without_the_gate

SECOND = timedelta(seconds=1)
MOST = policy.HOLDS_PER_BATCH


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=130, hold_seconds=60, hold_cap_seconds=180)


@pytest.fixture
def seats(performance):
    return factories.seat_ids(performance)


@pytest.fixture
def fans(db_ready):
    return [factories.make_user() for _ in range(3)]


@pytest.fixture
def no_gate(monkeypatch):
    without_the_gate(monkeypatch)


def codes(outcomes):
    return [getattr(one, "code", "held") for one in outcomes]


def test_nobody_asks_for_nothing():
    with counted_round_trips() as counts:
        assert holds.place_many([], now=clock.now()) == []
    assert (counts.sql, counts.redis) == ([], [])


def test_a_batch_has_its_bounds(performance, seats, fan):
    too_many = [wanted(fan, performance, seats[:1])] * (MOST + 1)
    with pytest.raises(ValueError, match="65 holds"):
        holds.place_many(too_many, now=clock.now())
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("lapsed", [False, True])
def test_64_fans_cost_the_round_trips_of_one(performance, seats, lapsed):
    now = clock.now()
    fans = [factories.make_user() for _ in range(MOST)]
    if lapsed:  # each pair of seats from another reservation
        holds.place_many(
            [wanted(fan, performance, seats[2 * i : 2 * i + 2]) for i, fan in enumerate(fans)],
            now=now,
        )
        now += 61 * SECOND
    later = [factories.make_user() for _ in fans]
    place(factories.make_user(), performance, seats[-1:], now=now)  # so that the terms are known
    requests = [wanted(fan, performance, seats[2 * i : 2 * i + 2]) for i, fan in enumerate(later)]
    with counted_round_trips() as counts:
        outcomes = holds.place_many(requests, now=now)
    assert codes(outcomes) == ["held"] * MOST
    assert [made.id for made in outcomes] == [asked.reservation_id for asked in requests]
    assert len(counts.sql) == (8 if lapsed else 7), counts.sql
    assert counts.redis == ["FCALL fr_claim_seats", "FCALL fr_write_seats"]
    assert inventory_disagreements(now) == []
    assert Reservation.objects.filter(status="EXPIRED").count() == (MOST if lapsed else 0)


def test_each_performance_costs_a_call_of_its_claims_and_no_statement(fans):
    made = [factories.make_performance(seats=2) for _ in fans]
    requests = [
        wanted(fan, one, factories.seat_ids(one, 1)) for fan, one in zip(fans, made, strict=True)
    ]
    for one in made:  # so that the terms are known
        place(factories.make_user(), one, factories.seat_ids(one)[1:])
    with counted_round_trips() as counts:
        assert codes(holds.place_many(requests, now=clock.now())) == ["held"] * 3
    assert len(counts.sql) == 7, counts.sql
    assert len(counts.redis) == 6


def test_a_hold_of_a_batch_is_the_hold_that_is_made_alone(performance, seats, fans):
    now = clock.now()
    mine, other, _ = holds.place_many(
        [wanted(fan, performance, seats[2 * i : 2 * i + 2]) for i, fan in enumerate(fans)],
        now=now,
    )
    alone = place(factories.make_user(), performance, seats[8:10], now=now)
    assert mine == queries.find(reservation_id=mine.id, user_id=fans[0].pk, now=now)
    same = ("status", "amount", "expires_at", "extendable_until", "payment", "performance")
    assert [getattr(other, name) for name in same] == [getattr(alone, name) for name in same]


def test_every_fan_is_refused_for_a_reason_of_his_own(performance, seats, fans, lock_redis):
    now = clock.now()
    full, rival, winner = fans
    place(full, performance, seats[:4], now=now)
    place(factories.make_user(), performance, seats[4:5], now=now)
    elsewhere = factories.make_performance(seats=1, on_sale=False)
    requests = [
        wanted(full, performance, seats[10:11]),
        wanted(rival, performance, seats[4:6]),
        wanted(winner, performance, seats[12:14]),
        wanted(factories.make_user(), performance, [seats[20], seats[20]]),
        wanted(factories.make_user(), performance, factories.seat_ids(elsewhere)),
        wanted(factories.make_user(), elsewhere, factories.seat_ids(elsewhere)),
        wanted(factories.make_user(), performance, []),
    ]
    outcomes = holds.place_many(requests, now=now)
    assert codes(outcomes) == [
        "seat_limit_exceeded",
        "seat_taken",
        "held",
        "selection_invalid",
        "seat_not_found",
        "sale_not_open",
        "selection_invalid",
    ]
    assert outcomes[0].extras == {"limit": 4, "held": 4}
    assert outcomes[1].extras == {"seat_ids": seats[4:5], "yours": []}
    assert {claim_of(lock_redis, performance, seat) for seat in (seats[10], seats[5])} == {None}
    assert inventory_disagreements(now) == []


def test_an_attempt_over_its_limit_is_refused_alone(performance, seats, fans):
    holds_per_minute = factories.make_performance(seats=4, holds_per_minute=1)
    one, two, *_ = factories.seat_ids(holds_per_minute)
    place(fans[0], holds_per_minute, [one])
    status = RateLimitStatus()
    outcomes = holds.place_many(
        [
            wanted(fans[0], holds_per_minute, [two], limit_status=status),
            wanted(fans[1], performance, seats[:1]),
        ],
        now=clock.now(),
    )
    assert isinstance(outcomes[0], RateLimited)
    assert status.fields
    assert codes(outcomes[1:]) == ["held"]


def test_of_two_fans_of_a_batch_the_first_gets_the_seat(performance, seats, fans):
    outcomes = holds.place_many(
        [wanted(fan, performance, seats[i : i + 2]) for i, fan in enumerate(fans)],
        now=clock.now(),
    )
    assert codes(outcomes) == ["held", "seat_taken", "held"]
    assert outcomes[1].extras == {"seat_ids": [seats[1]], "yours": []}


def test_who_was_refused_because_of_one_who_holds_nothing_is_served_after_all(
    performance, seats, fans
):
    now = clock.now()
    place(fans[0], performance, seats[-4:], now=now)
    limit_status = RateLimitStatus()
    outcomes = holds.place_many(
        [
            wanted(fans[0], performance, seats[:1]),
            wanted(fans[1], performance, seats[:2], limit_status=limit_status),
        ],
        now=now,
    )
    assert codes(outcomes) == ["seat_limit_exceeded", "held"]


def test_with_the_lock_server_away_the_first_of_a_batch_gets_the_seat(performance, seats, parts):
    fans = [factories.make_user() for _ in range(4)]
    server = parts.part("lock")
    server.stop()
    try:
        outcomes = holds.place_many(
            [wanted(fan, performance, seats[i : i + 2]) for i, fan in enumerate(fans)],
            now=clock.now(),
        )
    finally:
        server.start()
        breaker("lock").reset()
    assert codes(outcomes) == ["held", "seat_taken", "held", "seat_taken"]
    assert outcomes[1].extras == {"seat_ids": [seats[1]], "yours": []}
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


@pytest.mark.parametrize("both", [False, pytest.param(True, marks=pytest.mark.control)])
def test_control_without_turns_and_condition_a_batch_holds_a_seat_twice(
    performance, seats, fans, no_gate, monkeypatch, both
):
    """Each of the two guards is enough: the seats given so far, and the conditional update."""

    def taken(self, turn, given):
        return [row for row in turn.rows if not row.is_free(self.now)]

    monkeypatch.setattr(BatchTransaction, "_taken", taken)
    if both:
        take = operations.take_seats

        def take_and_say_all(*, holds, now):
            take(holds=holds, now=now)
            return sum(len(hold.seats) for hold in holds)

        monkeypatch.setattr(operations, "take_seats", take_and_say_all)
    outcomes = holds.place_many(
        [wanted(fan, performance, seats[:1]) for fan in fans[:2]], now=clock.now()
    )
    assert codes(outcomes) == ["held", "held" if both else "seat_taken"]
    assert seats_held_twice(clock.now()) == ([(seats[0], 2)] if both else [])


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_a_fan_twice_in_a_batch_keeps_to_the_limit(performance, seats, fan, monkeypatch, guarded):
    if not guarded:
        monkeypatch.setattr(batches, "_keep_one_of_each_fan", lambda _: None)
    outcomes = holds.place_many(
        [
            wanted(fan, performance, seats[:3]),
            wanted(fan, performance, seats[3:6]),
            wanted(factories.make_user(), performance, seats[6:9]),
            wanted(fan, performance, seats[9:10]),
        ],
        now=clock.now(),
    )
    held = sum(len(one.seats) for one in outcomes if not isinstance(one, Exception))
    assert held == (7 if guarded else 10)
    if guarded:
        assert codes(outcomes) == ["held", "seat_limit_exceeded", "held", "held"]


def test_a_fan_is_one_fan_at_each_performance(performance, seats, fan):
    other = factories.make_performance(seats=1)
    both = [wanted(fan, performance, seats[:1]), wanted(fan, other, factories.seat_ids(other))]
    assert codes(holds.place_at_once(both, now=clock.now())) == ["held", "held"]


def test_one_lapsed_hold_taken_over_by_several_ends_once(performance, seats, fans, lock_redis):
    now = clock.now()
    first = place(factories.make_user(), performance, seats[:3], now=now)
    late = first.expires_at
    outcomes = holds.place_many(
        [wanted(fans[0], performance, seats[:1]), wanted(fans[1], performance, seats[1:2])],
        now=late,
    )
    assert codes(outcomes) == ["held", "held"]
    assert status_of(first) == "EXPIRED"
    assert OutboxEvent.objects.filter(type="reservation.expired").count() == 1
    left = SeatInventory.objects.get(pk=seats[2])
    assert (left.status, left.reservation_id) == ("AVAILABLE", None)
    assert claim_of(lock_redis, performance, seats[2]) is None
    for seat, made in zip(seats[:2], outcomes, strict=True):
        assert str(made.id).encode() in claim_of(lock_redis, performance, seat)
    assert lock_redis.get(f"fr:l:{{{performance.pk}}}:lapses:{first.user_id}").startswith(b"1 ")
    assert inventory_disagreements(late) == []


def test_what_each_does_names_his_own_request(performance, seats, fans):
    def asked(fan, seat, number):
        with context.correlated(Correlation(f"request-{number}", "")), context.annotated() as line:
            return wanted(fan, performance, [seat], context=copy_context()), line

    now = clock.now()
    lapsed = place(factories.make_user(), performance, seats[1:2], now=now)
    place(factories.make_user(), performance, seats[2:3], now=lapsed.expires_at)
    made = [asked(fan, seats[i], i) for i, fan in enumerate(fans)]
    holds.place_many([request for request, _ in made], now=lapsed.expires_at)
    assert [line.get("hold_outcome") for _, line in made] == ["held", "held", "refused_by_gate"]
    rows = OutboxEvent.objects.exclude(request_id="").order_by("position")
    assert [(row.request_id, row.type) for row in rows] == [
        ("request-1", "reservation.expired"),
        ("request-0", "reservation.held"),
        ("request-1", "reservation.held"),
    ]
