"""What staff change while somebody waits for a seat's row is seen once the wait is over.

Note [Facts under lock] in `reservations/locking.py`.
"""

from datetime import timedelta

import pytest

from concerts.models import Performance
from concerts.usecases import programme
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from reservations import locking, operations, queries
from reservations.models import Reservation, SeatInventory
from reservations.usecases import holds, sale
from tests.support import factories
from tests.support.holding import inventory_disagreements, place, place_best, status_of, sweep
from tests.support.interleaving import (
    InBackground,
    Stop,
    await_a_waiting_session,
    in_another_session,
)
from tests.support.money import begin, give_points, lock_to_pay
from tests.support.schedules import Everything

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=4, hold_seconds=60, hold_cap_seconds=180)


@pytest.fixture
def seats(performance):
    return sorted(factories.seat_ids(performance))


def halt(performance):
    sale.halt(performance_id=performance.pk, reason="stop", actor_id=None, now=clock.now())


def set_status(status):
    def change(performance):
        programme.set_status(
            performance_id=performance.pk,
            status=status,
            actor_id=None,
            reason="weather",
            now=clock.now(),
        )

    return change


cancel = set_status(Performance.Status.CANCELLED)
postpone = set_status(Performance.Status.POSTPONED)


def unpublish(performance):
    programme.unpublish(
        concert_id=performance.concert_id, actor_id=None, reason="draft", now=clock.now()
    )


def change(**changes):
    def set_policy(performance):
        sale.set_policy(
            performance_id=performance.pk,
            changes={
                name: value() if callable(value) else value for name, value in changes.items()
            },
            reason="repair",
            actor_id=None,
            now=clock.now(),
            confirmed=Everything(),
        )

    return set_policy


close = change(sale_closes_at=lambda: clock.now() - SECOND)
open_later = change(sale_opens_at=lambda: clock.now() + 60 * SECOND)
one_each = change(max_seats_per_fan=1)


def while_it_waits(call, seat, deed, performance):
    """Return what becomes of `call`, which waits for the seat's row until the deed is done."""
    with transaction():
        locking.lock_rows(seat_ids=[seat])
        waiting = InBackground(call)
        await_a_waiting_session()
        in_another_session(lambda: deed(performance))
    return waiting.outcome()


REFUSED = [
    (halt, holds.SalePaused),
    (postpone, holds.SalePaused),
    (cancel, holds.PerformanceCancelled),
    (close, holds.SaleClosed),
    (open_later, holds.SaleNotOpen),
    (one_each, holds.SeatLimitExceeded),
]


@pytest.mark.parametrize(("deed", "refusal"), REFUSED)
def test_no_hold_is_made_after_staff_have_said_no(fan, performance, seats, deed, refusal):
    outcome = while_it_waits(
        lambda: place(fan, performance, seats[:2]), seats[0], deed, performance
    )
    assert isinstance(outcome, refusal), outcome
    assert not Reservation.objects.exists()
    assert set(SeatInventory.objects.values_list("status", flat=True)) == {"AVAILABLE"}


@pytest.mark.parametrize(("deed", "refusal"), REFUSED)
def test_no_best_seats_are_held_after_staff_have_said_no(fan, performance, seats, deed, refusal):
    outcome = while_it_waits(lambda: place_best(fan, performance, 4), seats[-1], deed, performance)
    assert isinstance(outcome, refusal), outcome
    assert not Reservation.objects.exists()


def test_a_draft_is_no_performance_for_those_who_waited(fan, performance, seats):
    outcome = while_it_waits(
        lambda: place(fan, performance, seats[:1]), seats[0], unpublish, performance
    )
    assert type(outcome).__name__ == "PerformanceNotFound"


def test_a_hold_is_as_long_as_holds_are_when_it_is_made(fan, performance, seats):
    now = clock.now()
    held = while_it_waits(
        lambda: place(fan, performance, seats[:1], now=now),
        seats[0],
        change(hold_seconds=30, hold_cap_seconds=90),
        performance,
    )
    assert held.expires_at == now + 30 * SECOND
    assert held.extendable_until == now + 90 * SECOND


@pytest.mark.control
@pytest.mark.parametrize(("deed", "refusal"), REFUSED)
def test_control_facts_from_before_the_wait_let_the_hold_through(
    fan, performance, seats, monkeypatch, deed, refusal
):
    """The terms that the process knew, as the statement that waits would have seen them."""
    before = queries.sale_terms(performance.pk)
    monkeypatch.setattr(queries, "rules_in_force", lambda **_: {performance.pk: before})
    outcome = while_it_waits(
        lambda: place(fan, performance, seats[:2]), seats[0], deed, performance
    )
    assert outcome.status == "PENDING"


def test_a_halt_counts_too_while_the_lapsed_hold_of_another_is_waited_for(
    fan, performance, seats, monkeypatch
):
    """The seats were locked before it; the reservation that is taken over was waited for."""
    first = place(factories.make_user(), performance, seats[:1])
    counted = Stop(monkeypatch, operations, "end_hold")
    later = first.expires_at
    releasing = InBackground(
        lambda: holds.release(reservation_id=first.id, user_id=first.user_id, now=later)
    )
    counted.await_reached()
    holding = InBackground(lambda: place(fan, performance, seats[:1], now=later))
    await_a_waiting_session()
    halt(performance)
    counted.let_go()
    assert releasing.outcome() is None
    assert isinstance(holding.outcome(), holds.SalePaused)


def extend(hold):
    return holds.extend(reservation_id=hold.id, user_id=hold.user_id, now=clock.now())


def test_no_hold_of_a_cancelled_performance_is_made_longer(fan, performance, seats):
    hold = place(fan, performance, seats[:2])
    outcome = while_it_waits(lambda: extend(hold), seats[1], cancel, performance)
    assert isinstance(outcome, holds.PerformanceCancelled), outcome
    assert Reservation.objects.get(pk=hold.id).expires_at == hold.expires_at


def test_an_extension_is_as_long_as_holds_are_when_it_is_made(fan, performance, seats):
    hold = place(fan, performance, seats[:2])
    longer = while_it_waits(lambda: extend(hold), seats[0], change(hold_seconds=30), performance)
    assert longer.expires_at == hold.expires_at + 30 * SECOND


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_nobody_pays_for_a_performance_that_was_cancelled_meanwhile(
    fan, performance, seats, monkeypatch, guarded
):
    give_points(fan, 10**6)
    hold = place(fan, performance, seats[:2])
    if not guarded:
        before = queries.sale_terms(performance.pk)
        monkeypatch.setattr(queries, "rules_in_force", lambda **_: {performance.pk: before})
    outcome = while_it_waits(lambda: begin(fan, hold.id), seats[0], cancel, performance)
    assert isinstance(outcome, operations.ReservationNotPayable) == guarded
    assert status_of(hold) == ("PENDING" if guarded else "CONFIRMED")


def test_the_payment_window_is_as_long_as_staff_have_set_it(fan, performance, seats):
    hold = place(fan, performance, seats[:2])
    change(payment_seconds=77)(performance)
    with transaction():
        locked = lock_to_pay(hold.id, fan.pk)
    assert locked.rules.payment_seconds == 77


def test_a_release_looks_at_the_payment_under_the_lock(fan, performance, seats):
    """The payment attempt is reported while the release waits for the seats."""
    hold = place(fan, performance, seats[:2])
    with transaction():
        locked = operations.lock_reservation(reservation_id=hold.id, user_id=fan.pk)
        releasing = InBackground(
            lambda: holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
        )
        await_a_waiting_session()
        operations.set_payment(
            locked=locked,
            payment_id=uuid7(),
            payment_status="REQUESTED",
            money_may_have_moved=True,
        )
    assert isinstance(releasing.outcome(), holds.PaymentInProgress)
    assert status_of(hold) == "PENDING"


@pytest.mark.parametrize("money_may_have_moved", [True, False])
def test_a_hold_may_be_given_up_while_no_money_can_have_moved(
    fan, performance, seats, money_may_have_moved
):
    hold = place(fan, performance, seats[:2])
    with transaction():
        operations.set_payment(
            locked=operations.lock_reservation(reservation_id=hold.id, user_id=fan.pk),
            payment_id=uuid7(),
            payment_status="ANY",
            money_may_have_moved=money_may_have_moved,
        )
    if money_may_have_moved:
        with pytest.raises(holds.PaymentInProgress):
            holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    else:
        holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    assert status_of(hold) == ("PENDING" if money_may_have_moved else "RELEASED")


def test_the_sweep_looks_at_the_deadline_under_the_lock(fan, performance, seats, monkeypatch):
    """It found the hold lapsed; its owner's extension had arrived in time and has the locks."""
    hold = place(fan, performance, seats[:2])
    moved = Stop(monkeypatch, operations, "move_deadline", after=True)
    in_time = hold.expires_at - SECOND
    extending = InBackground(
        lambda: holds.extend(reservation_id=hold.id, user_id=fan.pk, now=in_time)
    )
    moved.await_reached()
    sweeping = InBackground(lambda: sweep(now=hold.expires_at))
    await_a_waiting_session()
    moved.let_go()
    assert extending.outcome().expires_at > hold.expires_at
    assert sweeping.outcome() == 0
    assert status_of(hold) == "PENDING"
    assert inventory_disagreements(hold.expires_at) == []


def test_the_sweep_expires_nothing_that_it_should_not_have_found(
    fan, performance, seats, monkeypatch
):
    live = place(fan, performance, seats[:1])
    monkeypatch.setattr(queries, "lapsed_holds", lambda **_: [live.id])
    assert sweep(now=live.expires_at - SECOND) == 0
    assert status_of(live) == "PENDING"


def test_expiring_a_hold_leaves_the_seats_that_others_have_by_now(fan, performance, seats):
    """Its seat was taken over by a hold that has lapsed too, and is that one's to free."""
    first = place(fan, performance, seats[:2])
    second = place(factories.make_user(), performance, seats[:1], now=first.expires_at)
    Reservation.objects.filter(pk=first.id).update(status="PENDING")
    with transaction():
        operations.expire_lapsed(reservation_ids=[first.id], now=second.expires_at)
    row = SeatInventory.objects.get(pk=seats[0])
    assert (row.status, row.reservation_id) == ("TEMPORARILY_RESERVED", second.id)
