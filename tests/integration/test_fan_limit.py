"""A fan's limit of seats, whichever of his requests are judged before and after a deadline."""

from datetime import timedelta

import pytest
from django.db import connection

from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import first_uuid7_at, uuid7
from payments.usecases.checkout import transaction as paying
from reservations import locking, operations, queries
from reservations.availability import is_free
from reservations.models import Reservation, ReservationSeat, SeatInventory
from reservations.queries import FanSeats, FanWish
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import inventory_disagreements, place, status_of, sweep
from tests.support.interleaving import InBackground, Stop, await_a_waiting_session
from tests.support.money import begin, give_points

LIMIT = 2
MOMENT = timedelta(milliseconds=20)
HOUR = timedelta(hours=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(
        seats=6, price=1000, max_seats_per_fan=LIMIT, hold_seconds=60, hold_cap_seconds=180
    )


@pytest.fixture
def seats(performance):
    return factories.seat_ids(performance)


@pytest.fixture
def rich(fan):
    give_points(fan, 10**6)
    return fan


def pay(fan, hold, now):
    return begin(fan, hold.id, now=now)


def extend(fan, hold, now):
    return holds.extend(reservation_id=hold.id, user_id=fan.pk, now=now)


def seats_had(fan, now):
    """Count what the inventory says, which is what is sold by."""
    own = Reservation.objects.filter(user=fan).values_list("pk", flat=True)
    rows = SeatInventory.objects.filter(reservation_id__in=list(own))
    return sum(not is_free(status=row.status, held_until=row.held_until, now=now) for row in rows)


in_time = pytest.mark.parametrize("act", [pay, extend])


@in_time
def test_who_holds_again_after_the_deadline_has_given_the_first_hold_up(
    rich, performance, seats, act
):
    """The payment had arrived in time, and was still on its way."""
    first = place(rich, performance, seats[:2])
    place(rich, performance, seats[2:4], now=first.expires_at + MOMENT)
    assert status_of(first) == "EXPIRED"
    with pytest.raises(operations.ReservationExpired):
        act(rich, first, first.expires_at - MOMENT)
    assert seats_had(rich, first.expires_at - MOMENT) == LIMIT
    assert inventory_disagreements(first.expires_at - MOMENT) == []


@in_time
@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_who_pays_in_time_can_not_hold_again_meanwhile(
    rich, performance, seats, monkeypatch, act, guarded
):
    """It has its locks; the new hold has counted the first one as lapsed and meets them."""
    first = place(rich, performance, seats[:2])
    if act is pay:
        acted = Stop(monkeypatch, paying, "record")
    else:
        acted = Stop(monkeypatch, operations, "move_deadline", after=True)
    if not guarded:
        _count_once(monkeypatch)
    acting = InBackground(lambda: act(rich, first, first.expires_at - MOMENT))
    acted.await_reached()
    later = first.expires_at + MOMENT
    holding = InBackground(lambda: place(rich, performance, seats[2:4], now=later))
    await_a_waiting_session()
    acted.let_go()
    assert not isinstance(acting.outcome(), Exception)
    held = holding.outcome()
    assert isinstance(held, holds.SeatLimitExceeded) == guarded
    assert seats_had(rich, later) == (LIMIT if guarded else 2 * LIMIT)


def _count_once(monkeypatch):
    """Expire the fan's own lapsed holds, and don't look again where one wasn't to be expired."""
    seen = {}

    def count(**arguments):
        seen.setdefault("fan", queries.holds.seats_of_fans(**arguments))
        return seen["fan"]

    monkeypatch.setattr(queries, "seats_of_fans", count)


@in_time
@pytest.mark.control
def test_control_a_lapse_that_nobody_writes_down_lets_the_fan_pass_the_limit(
    rich, performance, seats, monkeypatch, act
):
    first = place(rich, performance, seats[:2])
    count = queries.holds.seats_of_fans

    def only_count(**arguments):
        return [FanSeats(found.held, (), None) for found in count(**arguments)]

    monkeypatch.setattr(queries, "seats_of_fans", only_count)
    place(rich, performance, seats[2:4], now=first.expires_at + MOMENT)
    act(rich, first, first.expires_at - MOMENT)
    assert seats_had(rich, first.expires_at - MOMENT) == 2 * LIMIT


def test_a_hold_that_the_sweep_ended_meanwhile_counts_for_nothing(
    fan, performance, seats, monkeypatch
):
    """Counted as lapsed, and gone before this hold could expire it."""
    first = place(fan, performance, seats[:2])
    later = first.expires_at + MOMENT
    counted = Stop(monkeypatch, locking, "lock_seats")
    holding = InBackground(lambda: place(fan, performance, seats[2:4], now=later))
    counted.await_reached()
    assert sweep(now=later) == 1
    counted.let_go()
    assert holding.outcome().status == "PENDING"
    assert seats_had(fan, later) == LIMIT


def test_an_expired_hold_of_ones_own_is_named_and_counted_as_lapsed(fan, performance, seats):
    first = place(fan, performance, seats[:2])
    place(fan, performance, seats[2:4], now=first.expires_at)
    assert status_of(first) == "EXPIRED"
    assert (
        list(SeatInventory.objects.filter(pk__in=seats[:2]).values_list("status"))
        == [("AVAILABLE",)] * 2
    )


@pytest.mark.parametrize("age", [timedelta(days=33), timedelta(days=0)])
def test_a_hold_counts_however_old_its_id(fan, performance, seats, age):
    aged = first_uuid7_at(clock.now() - age)
    place(fan, performance, seats[:2], reservation_id=aged)
    with pytest.raises(holds.SeatLimitExceeded) as refused:
        place(fan, performance, seats[2:3])
    assert refused.value.extras == {"limit": LIMIT, "held": 2}


def test_a_bought_seat_counts_however_old_its_id(rich, performance, seats):
    now = clock.now()
    hold = place(rich, performance, seats[:2], reservation_id=first_uuid7_at(now - 33 * 24 * HOUR))
    begin(rich, hold.id)
    with pytest.raises(holds.SeatLimitExceeded):
        place(rich, performance, seats[2:3])


def test_counting_reads_what_counts_and_not_all_that_was(fan, performance, seats):
    """A fan who held and released all night costs no more than one who has just come."""
    now = clock.now()
    ended = [
        Reservation(
            id=uuid7(),
            performance=performance,
            user=fan,
            status="RELEASED",
            amount=1,
            created_at=now - HOUR,
            expires_at=now - HOUR,
            extendable_until=now - timedelta(minutes=1, seconds=number),
        )
        for number in range(2000)
    ]
    Reservation.objects.bulk_create(ended)
    ReservationSeat.objects.bulk_create(
        ReservationSeat(reservation=row, seat_id=seats[0], price=1) for row in ended
    )
    place(fan, performance, seats[:1])
    with connection.cursor() as cursor:
        # As autovacuum does, which may have seen these tables empty.
        cursor.execute("ANALYZE reservations_reservation, reservations_reservationseat")
    with transaction(), connection.cursor() as cursor:
        before = _rows_read(cursor)
        [found] = queries.seats_of_fans(wishes=[FanWish(fan.pk, performance.pk, seats)], now=now)
        read = _rows_read(cursor) - before
    assert (found.held, found.lapsed) == (1, ())
    assert read < 20, read


def _rows_read(cursor):
    cursor.execute(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        " WHERE relname LIKE 'reservations_reservation%'"
    )
    return cursor.fetchone()[0]
