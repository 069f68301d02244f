"""A cancelled performance is given back in full, once, whatever stops the run."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from concerts.models import Performance
from concerts.usecases import programme
from kernel import clock
from kernel.ids import uuid7
from payments import called_off, reconciliation
from payments.models import Cancellation, Payment, Refund, RefundPolicy, RefundRun
from payments.operations import cancellations
from payments.tasks import refund_cancelled
from payments.usecases import refunding
from payments.usecases.refunding import performances
from reservations.models import Reservation, SeatInventory
from reservations.usecases.holds import PerformanceCancelled
from tests.support.cancelling import buy, cancel, gateway_agrees, money_behind_tickets, money_kept
from tests.support.concurrency import at_once
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import balance_of, give_points, outbox
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=12, price=PRICE)


@pytest.fixture
def fans(performance, gateway):
    """Five fans with two seats each: three by points, two by card and points."""
    free = seat_ids(performance)
    made = []
    for number in range(5):
        fan = make_user()
        give_points(fan, 10 * PRICE)
        by_points = POINTS if number > 2 else None
        buy(fan, performance, seat_ids=free[2 * number : 2 * number + 2], by_points=by_points)
        made.append(fan)
    return made


def run(performance):
    out = StringIO()
    call_command("cancel_performance", str(performance.pk), reason="ill", json=True, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def everybody_is_paid_back_once(fans, gateway):
    for _ in range(2):
        reconciliation.reconcile(now=clock.now() + timedelta(minutes=5))
    assert [balance_of(fan) for fan in fans] == [10 * PRICE] * 5
    assert set(Reservation.objects.values_list("status", flat=True)) == {"CANCELLED"}
    assert set(Ticket.objects.values_list("status", flat=True)) == {"VOID"}
    assert set(Refund.objects.values_list("status", flat=True)) == {"DONE"}
    assert Cancellation.objects.count() == len(outbox("reservation.cancelled")) == 5
    assert money_behind_tickets() == money_kept() == 0
    [progress] = RefundRun.objects.all()
    assert (progress.reservations, progress.amount) == (5, 10 * PRICE)
    assert progress.finished_at
    return gateway_agrees(gateway)


def test_everybody_is_paid_back_and_nothing_is_sold_any_more(performance, fans, gateway):
    Ticket.objects.filter(seat=seat_ids(performance, 1)[0]).update(status="USED")
    [*_, last] = run(performance)
    assert last == {"reservations": 5, "amount": 10 * PRICE, "finished": True}
    assert everybody_is_paid_back_once(fans, gateway)
    [event] = outbox("performance.cancelled")
    assert event.data["reason"] == "ill"
    with pytest.raises(PerformanceCancelled):
        place(make_user(), performance, seat_ids(performance, 1))


def test_run_again_it_changes_nothing(performance, fans, gateway):
    run(performance)
    assert run(performance)[-1]["reservations"] == 5
    assert everybody_is_paid_back_once(fans, gateway)
    assert len(outbox("performance.cancelled")) == 1


@pytest.mark.parametrize(
    "step",
    [(performances, "publish_freed"), (performances, "lock_bought"), (cancellations, "_refunds")],
    ids=["after a commit", "before a lock", "inside a transaction"],
)
def test_killed_in_the_middle_the_next_run_goes_on(performance, fans, gateway, monkeypatch, step):
    with monkeypatch.context() as patch:
        module, name = step
        real, calls = getattr(module, name), iter(range(2))

        def dying(*args, **keys):
            if next(calls, None) is None:
                raise SystemExit
            return real(*args, **keys)

        patch.setattr(module, name, dying)
        with pytest.raises(SystemExit):
            run(performance)
    done = RefundRun.objects.get().reservations
    assert done == Cancellation.objects.count()
    assert 2 <= done <= 3
    assert money_behind_tickets() == money_kept() == (5 - done) * 2 * PRICE
    refund_cancelled()
    refund_cancelled()
    assert everybody_is_paid_back_once(fans, gateway)


def test_a_reservation_that_fails_stops_no_other(performance, fans, gateway, monkeypatch):
    unlucky = Reservation.objects.order_by("pk").first().pk
    real = performances.lock_bought

    def failing(**keys):
        if keys["reservation_id"] == unlucky:
            raise RuntimeError
        return real(**keys)

    with monkeypatch.context() as patch:
        patch.setattr(performances, "lock_bought", failing)
        with pytest.raises(CommandError, match="not refunded"):
            run(performance)
    progress = RefundRun.objects.get()
    assert (progress.reservations, progress.finished_at) == (4, None)
    run(performance)
    assert everybody_is_paid_back_once(fans, gateway)


def test_two_runs_at_once_refund_once(performance, fans, gateway):
    programme_cancel(performance)

    def run_once():
        return sum(
            done.refunded
            for done in called_off.batches(performance_id=performance.pk, now=clock.now())
        )

    assert sum(at_once([run_once] * 3)) == 5
    assert everybody_is_paid_back_once(fans, gateway)


def programme_cancel(performance, status=Performance.Status.CANCELLED):
    programme.set_status(
        performance_id=performance.pk,
        status=status,
        actor_id=None,
        reason="ill",
        now=clock.now(),
    )


def test_seats_given_up_before_keep_their_fee(performance, fans, gateway):
    RefundPolicy.objects.create(fees="1 10%")
    bought = Reservation.objects.order_by("pk").first()
    [seat, _] = bought.seats.order_by("seat_id").values_list("seat_id", flat=True)
    cancel(bought.user, bought.pk, [seat])
    run(performance)
    assert balance_of(bought.user) == 10 * PRICE - PRICE // 10
    assert money_kept(fees=PRICE // 10) == money_behind_tickets() == 0


def test_what_staff_cancel_in_the_admin_is_refunded_by_itself(performance, fans, gateway):
    refund_cancelled()
    assert not Refund.objects.exists()
    programme_cancel(performance)
    refund_cancelled()
    refund_cancelled()
    assert everybody_is_paid_back_once(fans, gateway)


def test_a_performance_that_takes_place_after_all_is_refunded_no_further(
    performance, fans, gateway
):
    programme_cancel(performance)
    refunding.begin_refunds(performance_id=performance.pk, now=clock.now())
    programme_cancel(performance, Performance.Status.SCHEDULED)
    done = refunding.refund_batch(performance_id=performance.pk, after=None, now=clock.now())
    assert (done.refunded, done.errors) == (0, 0)
    assert SeatInventory.objects.filter(status="RESERVED").count() == 10


def test_a_postponed_one_keeps_its_tickets_and_is_given_back_without_a_fee(
    performance, fans, gateway
):
    RefundPolicy.objects.create(fees="1 10%")
    programme_cancel(performance, Performance.Status.POSTPONED)
    assert [event.data["starts_at"] for event in outbox("performance.postponed")] == [None]
    assert Ticket.objects.filter(status="VALID").count() == 10
    Performance.objects.update(starts_at=clock.now())
    bought = Reservation.objects.order_by("pk").first()
    quoted = refunding.quote(reservation_id=bought.pk, user_id=bought.user_id, now=clock.now())
    assert (quoted.allowed_until, quoted.fee) == (None, 0)
    assert cancel(bought.user, bought.pk).refund.amount == 2 * PRICE
    assert Payment.objects.count() == 5


def test_an_unknown_performance_is_refused(db_ready):
    with pytest.raises(CommandError):
        call_command("cancel_performance", str(uuid7()), reason="x")
