"""POST /api/v1/reservations/ with best_available, the orphan rule, and extend/."""

from datetime import timedelta

import pytest

from concerts.models import Performance, PriceGrade, Seat, Section
from kernel import clock
from kernel.clock import to_ms
from kernel.ids import uuid7
from reservations import queries
from reservations.models import Reservation, SalePolicy, SeatInventory
from reservations.seating.snapshot import snapshots
from reservations.usecases import holds, inventory
from tests.support import factories, money
from tests.support.concurrency import at_once
from tests.support.holding import inventory_disagreements, place, place_best
from tests.support.round_trips import counted_round_trips

URL = "/api/v1/reservations/"
SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=30)


@pytest.fixture
def client(as_fan, fan):
    return as_fan(fan)


def best(client, performance, **wish):
    return client.post(URL, {"performance_id": str(performance.pk), "best_available": wish})


def numbers(answer):
    assert answer.status_code == 201, answer.content
    return [(seat["row"], seat["number"]) for seat in answer.json()["seats"]]


def code(answer, status):
    assert answer.status_code == status, answer.content
    return answer.json()["code"]


def test_the_best_seats_are_neighbours_at_the_centre_front(client, performance):
    assert numbers(best(client, performance, count=2)) == [("1", "5"), ("1", "6")]
    assert numbers(best(client, performance, count=2)) == [("2", "5"), ("2", "6")]


def test_grade_and_accessible_places(client, fan, performance):
    vip = PriceGrade.objects.create(performance=performance, code="VIP", name_ko="VIP", price=1)
    box = Section.objects.create(performance=performance, grade=vip, code="B", name_ko="B")
    Seat.objects.filter(performance=performance, row="3").update(section=box)
    Seat.objects.filter(performance=performance, row="2").update(accessible=True)
    assert {row for row, _ in numbers(best(client, performance, count=2, grade="VIP"))} == {"3"}
    SalePolicy.objects.filter(pk=performance.pk).update(max_seats_per_fan=20)
    queries.forget_sale_terms()
    assert {row for row, _ in numbers(best(client, performance, count=2, grade="ｖｉｐ"))} == {"3"}
    chosen = numbers(best(client, performance, count=2, accessible=True))
    assert {row for row, _ in chosen} == {"2"}
    assert {row for row, _ in numbers(best(client, performance, count=10))} == {"1"}
    # All that is left is accessible, or not of that grade.
    assert code(best(client, performance, count=2, grade="R"), 409) == "no_seats_match"
    assert code(best(client, performance, count=1, grade="none such"), 409) == "no_seats_match"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"best_available": {"count": 1}, "seat_ids": [str(uuid7())]},
        {"best_available": {}},
        {"best_available": {"count": 0}},
        {"best_available": {"count": 21}},
        {"best_available": {"count": "x"}},
        {"best_available": {"count": 1, "colour": "red"}},
        {"best_available": 2},
        {"best_available": None},
    ],
)
def test_what_is_not_understood_is_400(client, performance, body):
    answer = client.post(URL, {"performance_id": str(performance.pk), **body})
    assert code(answer, 400) == "validation_failed"


def test_the_same_refusals_as_for_chosen_seats(client, performance):
    assert code(best(client, performance, count=5), 409) == "seat_limit_exceeded"
    Performance.objects.filter(pk=performance.pk).update(status="CANCELLED")
    queries.forget_sale_terms()
    assert code(best(client, performance, count=1), 409) == "performance_cancelled"


def test_a_repeated_key_answers_the_same_hold(client, performance):
    key = {"Idempotency-Key": money.new_key()}
    body = {"performance_id": str(performance.pk), "best_available": {"count": 2}}
    first = client.post(URL, body, headers=key).json()
    assert client.post(URL, body, headers=key).json() == first


def test_the_best_seats_cost_what_a_hold_costs(fan, performance):
    now = clock.now()
    place_best(factories.make_user(), performance, 2, now=now)  # the snapshot is read
    queries.sale_terms(performance.pk)
    with counted_round_trips() as counts:
        place_best(fan, performance, 2, now=now + 0.4 * SECOND)
    assert len(counts.redis) <= 3, counts.redis
    assert len(counts.sql) == 7, counts.sql
    with counted_round_trips() as counts:
        place_best(fan, performance, 2, now=now + SECOND)
    assert len(counts.sql) == 8  # and one to look at all seats again


def test_who_is_beaten_gets_the_next_block(fan, performance, monkeypatch):
    """Others took the best seats, and this process's snapshot doesn't show it yet."""
    now = clock.now()
    seats = factories.seat_ids(performance)
    place_best(factories.make_user(), performance, 1, now=now)
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "update", lambda **_: None)
        patch.setattr(snapshots, "refresh", lambda **_: None)
        place(factories.make_user(), performance, seats[5:7], now=now)
        place(factories.make_user(), performance, seats[2:4], now=now)
    # Taken: 2-3 and 5-6 of the first row, and the first fan's seat 4.
    hold = place_best(fan, performance, 2, now=now)
    assert [(seat.row, seat.number) for seat in hold.seats] in (
        [("1", "8"), ("1", "9")],
        [("2", "5"), ("2", "6")],
    )


def test_a_fan_beaten_five_times_gets_the_reason(fan, performance, monkeypatch):
    now = clock.now()
    place(factories.make_user(), performance, factories.seat_ids(performance, 2), now=now)
    asked = []

    def always_the_same(**_):
        asked.append(1)
        return factories.seat_ids(performance, 2)

    monkeypatch.setattr(snapshots, "propose", always_the_same)
    with pytest.raises(holds.SeatTaken):
        place_best(fan, performance, 2, now=now)
    assert len(asked) == 5


def test_fans_asking_at_once_get_different_seats_and_the_last_ones_none(performance):
    fans = [factories.make_user() for _ in range(20)]
    results = at_once([lambda fan=fan: place_best(fan, performance, 2) for fan in fans])
    won = [result for result in results if not isinstance(result, Exception)]
    assert len(won) == 15
    assert {type(r) for r in results if isinstance(r, Exception)} == {holds.NoSeatsMatch}
    assert len({seat.seat_id for hold in won for seat in hold.seats}) == 30
    assert inventory_disagreements(clock.now()) == []


def test_seats_given_up_or_lapsed_are_offered_again(fan, performance):
    now = clock.now()
    SalePolicy.objects.filter(pk=performance.pk).update(max_seats_per_fan=20)
    queries.forget_sale_terms()
    inventory.block(
        seat_ids=factories.seat_ids(performance)[2:], reason="x", actor_id=None, now=now
    )
    hold = place_best(fan, performance, 2, now=now)
    with pytest.raises(holds.NoSeatsMatch):
        place_best(fan, performance, 2, now=now)
    holds.release(reservation_id=hold.id, user_id=fan.pk, now=now)
    again = place_best(fan, performance, 2, now=now)
    assert place_best(fan, performance, 2, now=again.expires_at).status == "PENDING"


def orphan_rule(performance, on=True):
    SalePolicy.objects.filter(pk=performance.pk).update(orphan_rule=on)
    queries.forget_sale_terms()


def chosen(client, performance, indexes):
    seats = factories.seat_ids(performance)
    ids = [str(seats[index]) for index in indexes]
    return client.post(URL, {"performance_id": str(performance.pk), "seat_ids": ids})


def test_a_choice_that_leaves_one_seat_alone_is_refused_where_the_rule_is_on(client, performance):
    seats = factories.seat_ids(performance)
    orphan_rule(performance)
    answer = chosen(client, performance, [1, 2])
    assert code(answer, 409) == "orphan_seat"
    assert answer.json()["seat_ids"] == [str(seats[0])]
    assert SeatInventory.objects.filter(status="AVAILABLE").count() == 30
    assert chosen(client, performance, [2, 3]).status_code == 201


def test_without_the_rule_any_choice_is_fine(client, performance):
    assert chosen(client, performance, [1, 2]).status_code == 201


def test_without_another_choice_the_rule_gives_way(client, performance):
    seats = factories.seat_ids(performance)
    inventory.block(seat_ids=seats[3:], reason="x", actor_id=None, now=clock.now())
    orphan_rule(performance)
    assert chosen(client, performance, [0, 1]).status_code == 201


def test_a_refusal_by_the_rule_is_never_said_of_an_old_snapshot(fan, performance):
    now = clock.now()
    seats = factories.seat_ids(performance)
    orphan_rule(performance)
    place(factories.make_user(), performance, seats[20:22], now=now)  # the snapshot is taken
    SeatInventory.objects.filter(pk=seats[0]).update(status="BLOCKED")  # by another process
    with pytest.raises(holds.OrphanSeat):
        place(fan, performance, seats[1:3], now=now)
    assert place(fan, performance, seats[1:3], now=now + 0.2 * SECOND).status == "PENDING"


def extend(client, hold):
    return client.post(f"{URL}{hold.id}/extend/")


def test_a_hold_can_be_extended_up_to_the_cap(client, fan):
    performance = factories.make_performance(seats=4, hold_seconds=60, hold_cap_seconds=150)
    seats = factories.seat_ids(performance, 2)
    hold = place(fan, performance, seats)
    answer = extend(client, hold)
    assert answer.status_code == 200
    row = Reservation.objects.get(pk=hold.id)
    assert row.expires_at == hold.expires_at + 60 * SECOND
    assert answer.json()["expires_at"] == clock.as_text(row.expires_at)
    assert (
        answer.json()["extendable_until"]
        == client.get(f"{URL}{hold.id}/").json()["extendable_until"]
    )
    assert set(
        SeatInventory.objects.filter(reservation_id=hold.id).values_list("held_until", flat=True)
    ) == {row.expires_at}
    assert extend(client, hold).status_code == 200  # the rest: 30 s
    assert Reservation.objects.get(pk=hold.id).expires_at == hold.extendable_until
    assert code(extend(client, hold), 409) == "extension_limit"
    rival = factories.make_user()
    with pytest.raises(holds.SeatTaken):
        place(rival, performance, seats, now=hold.extendable_until - 0.01 * SECOND)
    assert place(rival, performance, seats, now=hold.extendable_until).status == "PENDING"


def test_what_is_no_live_hold_of_the_caller_can_not_be_extended(client, fan, performance):
    now = clock.now()
    seats = factories.seat_ids(performance)
    theirs = place(factories.make_user(), performance, seats[:1], now=now)
    assert code(extend(client, theirs), 404) == "reservation_not_found"
    lapsed = place(fan, performance, seats[1:2], now=now - 400 * SECOND)
    assert code(extend(client, lapsed), 409) == "reservation_expired"
    released = place(fan, performance, seats[2:3], now=now)
    holds.release(reservation_id=released.id, user_id=fan.pk, now=now)
    assert code(extend(client, released), 409) == "reservation_not_pending"
    live = place(fan, performance, seats[3:4], now=now)
    Performance.objects.filter(pk=performance.pk).update(status="CANCELLED")
    assert code(extend(client, live), 409) == "performance_cancelled"


def test_extending_costs_five_statements_and_one_call_and_tells_the_gate(
    fan, performance, lock_redis
):
    hold = place(fan, performance, factories.seat_ids(performance, 4))
    queries.sale_terms(performance.pk)
    with counted_round_trips() as counts:
        longer = holds.extend(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    assert len([s for s in counts.sql if "UPDATE" in s]) == 4, counts.sql  # two of them lock
    assert len(counts.sql) == 7  # and two to show it
    assert len(counts.redis) == 1
    claim = lock_redis.get(f"fr:l:{{{performance.pk}}}:{hold.seats[0].seat_id}").decode()
    assert claim.split("|")[3] == str(to_ms(longer.expires_at))
