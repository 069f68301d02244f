"""The time to pay opens once; attempts that fail never keep a seat."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from payments import operations as payments
from payments.models import Payment
from reservations import operations
from reservations.models import Reservation, SeatInventory
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import inventory_disagreements, place
from tests.support.money import lock_to_pay

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(
        seats=4, hold_seconds=60, hold_cap_seconds=200, payment_seconds=120
    )


def open_window(hold, now, seconds=120):
    with transaction():
        locked = lock_to_pay(hold.id, hold.user_id, now=now)
        return operations.open_payment_window(locked=locked, payment_seconds=seconds, now=now)


def begin_and_fail(hold, now):
    with transaction():
        attempt = payments.NewPayment(
            locked=lock_to_pay(hold.id, hold.user_id, now=now),
            payment_id=uuid7(),
            request_key=uuid7().hex * 2,
            method=Payment.Method.CARD,
            points=Money(0),
            paid_at=None,
        )
        [payment] = payments.open_payments(attempts=[attempt], now=now)
    Payment.objects.filter(pk=payment.pk).update(status=Payment.Status.FAILED)


def deadlines(hold):
    seats = SeatInventory.objects.filter(reservation_id=hold.id)
    moments = set(seats.values_list("held_until", flat=True))
    return moments | {Reservation.objects.get(pk=hold.id).expires_at}


def test_the_window_opens_once(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 2))
    begun = hold.expires_at - 10 * SECOND
    assert open_window(hold, begun) == begun + 120 * SECOND
    assert deadlines(hold) == {begun + 120 * SECOND}
    assert open_window(hold, begun + 100 * SECOND) == begun + 120 * SECOND
    assert Reservation.objects.get(pk=hold.id).payment_opened_at == begun


def test_the_window_never_passes_the_cap_nor_shortens_a_hold(fan, performance):
    first, second = factories.seat_ids(performance, 2)
    hold = place(fan, performance, [first])
    assert open_window(hold, hold.expires_at - SECOND, seconds=1000) == hold.extendable_until
    other = place(fan, performance, [second])
    assert open_window(other, other.expires_at - 50 * SECOND, seconds=10) == other.expires_at


def test_the_window_of_a_lapsed_hold_stays_shut(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    with pytest.raises(operations.ReservationExpired):
        open_window(hold, hold.expires_at)


def test_fifty_attempts_that_fail_and_the_seats_still_free_on_time(fan, performance):
    start = clock.now()
    seats = factories.seat_ids(performance, 2)
    hold = place(fan, performance, seats, now=start)
    ends = start + 121 * SECOND
    for attempt in range(50):
        begin_and_fail(hold, start + SECOND + attempt * 2.4 * SECOND)
        assert deadlines(hold) == {ends}
    assert Payment.objects.filter(status=Payment.Status.FAILED).count() == 50
    with pytest.raises(operations.ReservationExpired):
        begin_and_fail(hold, ends)
    rival = factories.make_user()
    with pytest.raises(holds.SeatTaken):
        place(rival, performance, seats, now=ends - 0.01 * SECOND)
    assert place(rival, performance, seats, now=ends).status == "PENDING"
    assert inventory_disagreements(ends) == []


@pytest.mark.control
def test_control_a_window_that_opens_every_time_keeps_the_seat(fan, performance, monkeypatch):
    start = clock.now()
    hold = place(fan, performance, factories.seat_ids(performance, 1), now=start)
    once = operations.open_payment_window

    def every_time(*, locked, payment_seconds, now):
        locked.reservation.payment_opened_at = None
        return once(locked=locked, payment_seconds=payment_seconds, now=now)

    monkeypatch.setattr(operations, "open_payment_window", every_time)
    begin_and_fail(hold, start + SECOND)
    begin_and_fail(hold, start + 70 * SECOND)
    assert deadlines(hold) == {start + 190 * SECOND}
