"""Late money whose seats are gone is offered others of the same worth, or goes back."""

from datetime import timedelta

import pytest

from concerts.models import Performance, PriceGrade, Seat, Section
from kernel import clock
from payments import queries, reconciliation
from payments.models import Offer, Payment, Refund
from payments.offer_queries import OfferNotFound
from payments.queries import PaymentNotFound, payment
from payments.usecases.checkout import offers
from payments.usecases.checkout.offers import OfferExpired
from reservations.models import Reservation, SaleHalt, SeatInventory
from reservations.operations import ReservationExpired, substitutes
from reservations.usecases import inventory
from reservations.usecases.holds import ExtensionLimit, PaymentInProgress, extend, release
from tests.support.cancelling import cancel, gateway_agrees, money_behind_tickets, money_kept
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import inventory_disagreements, place, sell_out, sweep
from tests.support.money import balance_of, begin, begin_by_card, outbox
from tests.support.offering import (
    LASTS,
    POINTS,
    PRICE,
    SECOND,
    WEALTH,
    late_money,
    late_money_beside_points,
    make_hall,
)
from tickets.models import Ticket


@pytest.fixture
def performance(db_ready):
    return make_hall()


@pytest.fixture
def late(fan, performance, gateway):
    return late_money_beside_points(fan, performance, gateway)


def reconcile(now):
    return reconciliation.reconcile(now=now)


def seats_on_offer(late):
    found = payment(payment_id=late.payment_id, user_id=late.fan.pk).offer
    return [(seat.row, seat.number) for seat in found.seats]


def is_bought(late, gateway):
    row = late.payment
    assert (row.status, late.offer.status) == ("PAID", "ACCEPTED")
    assert row.reservation_id == late.offer.reservation_id
    assert row.reservation.status == "CONFIRMED"
    assert Ticket.objects.filter(reservation=row.reservation).count() == 2
    assert not Refund.objects.exists()
    assert balance_of(late.fan) == WEALTH - row.points_amount
    assert money_behind_tickets() == money_kept() == row.amount
    return gateway_agrees(gateway)


def is_paid_back(late, gateway, now):
    reconcile(now + SECOND)
    assert late.payment.status == "LATE_CAPTURED"
    assert [one.status for one in Refund.objects.all()] == ["DONE"]
    assert gateway.money_of(late.payment.order_id) == 0
    assert balance_of(late.fan) == WEALTH
    assert not Ticket.objects.exists()
    held = Reservation.objects.get(pk=late.offer.reservation_id)
    assert held.status in {"RELEASED", "EXPIRED"}
    assert not SeatInventory.objects.filter(reservation_id=held.pk).exists()
    shown = payment(payment_id=late.payment_id, user_id=late.fan.pk)
    assert (shown.status, shown.failure.code, shown.offer) == ("FAILED", "paid_too_late", None)
    return inventory_disagreements(now + SECOND) == []


def test_the_nearest_neighbours_are_held_and_offered(late, performance):
    shown = late.settle()
    assert (shown.status, shown.offer.until) == ("PROCESSING", late.now + LASTS)
    assert seats_on_offer(late) == [("2", "1"), ("2", "2")]  # right behind those that are gone
    held = Reservation.objects.get(pk=shown.offer.reservation_id)
    assert (held.status, held.amount) == ("PENDING", 2 * PRICE)
    assert held.expires_at == held.extendable_until == late.now + LASTS
    assert balance_of(late.fan) == WEALTH - POINTS  # they pay for the seats on offer
    assert not Refund.objects.exists()
    [event] = outbox("payment.offered")
    assert event.data["offered_reservation_id"] == str(held.pk)
    assert len(event.data["seats"]) == 2
    assert outbox("reservation.held")[-1].aggregate_id == held.pk
    assert inventory_disagreements(late.now) == []


def test_an_accepted_offer_is_paid_by_the_late_money(late, gateway):
    late.settle()
    shown = late.accept()
    assert (shown.status, shown.offer) == ("PAID", None)
    assert is_bought(late, gateway)
    assert len(outbox("payment.paid")) == len(outbox("reservation.confirmed")) == 1
    assert outbox("payment.paid")[0].data["reservation_id"] == str(late.offer.reservation_id)


def test_what_was_accepted_is_shown_again_and_never_declined(late, gateway):
    late.settle()
    late.accept()
    assert late.accept(after=2 * LASTS).status == "PAID"
    with pytest.raises(OfferExpired):
        late.decline()
    late.settle()
    reconcile(late.now + 2 * LASTS)
    assert is_bought(late, gateway)


def test_seats_that_were_accepted_are_given_up_like_any_others(late, gateway):
    late.settle()
    late.accept()
    bought = late.payment.reservation
    assert cancel(late.fan, bought.pk).refund.amount == 2 * PRICE
    assert balance_of(late.fan) == WEALTH
    assert money_behind_tickets() == money_kept() == 0
    assert gateway_agrees(gateway)


def test_a_declined_offer_goes_back_at_once(late, gateway):
    late.settle()
    assert late.decline().status == "PROCESSING"
    assert balance_of(late.fan) == WEALTH
    assert late.decline().status == "PROCESSING"
    with pytest.raises(OfferExpired):
        late.accept()
    assert [event.data["reason"] for event in outbox("reservation.released")] == ["given_up"]
    assert is_paid_back(late, gateway, late.now)


@pytest.mark.parametrize("swept", [False, True])
def test_an_unanswered_offer_goes_back_by_itself(late, gateway, performance, swept):
    late.settle()
    now = late.now + LASTS
    reconcile(now - SECOND)
    assert late.offer.status == "OPEN"
    if swept:
        sweep(now=now)
    place(make_user(), performance, seat_ids(performance)[10:12], now=now)  # free by its deadline
    reconcile(now)
    assert late.offer.status == "LAPSED"
    assert is_paid_back(late, gateway, now)


def test_an_answer_after_its_time_ends_the_offer(late, gateway):
    late.settle()
    with pytest.raises(OfferExpired) as refusal:
        late.accept(after=LASTS)
    assert refusal.value.extras["until"] == late.now + LASTS
    assert late.offer.status == "LAPSED"
    assert is_paid_back(late, gateway, late.now + LASTS)


@pytest.mark.control
def test_control_without_its_end_an_offer_is_accepted_after_its_time(late, gateway, monkeypatch):
    late.settle()
    monkeypatch.setattr("payments.operations.offers.LockedOffer.stands", lambda *_: True)
    assert late.accept(after=2 * LASTS).status == "PAID"


def test_seats_that_somebody_has_taken_are_not_sold_even_so(
    late, performance, gateway, monkeypatch
):
    late.settle()
    now = late.now + LASTS
    place(make_user(), performance, seat_ids(performance)[10:12], now=now)
    monkeypatch.setattr("payments.operations.offers.LockedOffer.stands", lambda *_: True)
    with pytest.raises(ReservationExpired):
        late.accept(after=LASTS)
    monkeypatch.undo()
    assert inventory_disagreements(now) == []


def test_seats_on_offer_are_paid_extended_and_given_up_by_the_offer_alone(late, fan, gateway):
    held = late.settle().offer.reservation_id
    now = late.now + SECOND
    for pay in (begin, begin_by_card):
        with pytest.raises(PaymentInProgress):
            pay(fan, held, now=now)
    with pytest.raises(PaymentInProgress):
        release(reservation_id=held, user_id=fan.pk, now=now)
    with pytest.raises(ExtensionLimit):
        extend(reservation_id=held, user_id=fan.pk, now=now)
    late.accept()
    assert is_bought(late, gateway)


@pytest.mark.control
def test_control_without_the_offer_in_the_count_two_payments_buy_one_hold(
    late, fan, gateway, monkeypatch
):
    held = late.settle().offer.reservation_id
    unaware = queries._LIVE_PAYMENTS.replace("UNION ALL", "EXCEPT ALL")
    monkeypatch.setattr(queries, "_LIVE_PAYMENTS", unaware)
    begin(fan, held, now=late.now + SECOND)
    assert money_kept() == money_behind_tickets() == 2 * PRICE
    assert gateway.money_of(late.payment.order_id) == 2 * PRICE - POINTS  # and this beside it


def test_the_offer_counts_against_the_fans_limit(fan, performance, gateway):
    late = late_money(fan, performance, gateway)
    place(fan, performance, seat_ids(performance)[10:13], now=late.now)
    assert late.settle().offer is None
    assert Refund.objects.count() == 1


@pytest.mark.control
def test_control_without_the_count_the_offer_exceeds_the_limit(
    fan, performance, gateway, monkeypatch
):
    late = late_money(fan, performance, gateway)
    place(fan, performance, seat_ids(performance)[10:13], now=late.now)
    found = substitutes.queries.seats_of_fans

    def none_held(**keys):
        return [type(one)(0, one.lapsed, one.capped_at) for one in found(**keys)]

    monkeypatch.setattr(substitutes.queries, "seats_of_fans", none_held)
    held = late.settle().offer
    assert held is not None
    assert SeatInventory.objects.filter(status="TEMPORARILY_RESERVED").count() == 2 + 3 + 2


def cancelled(performance):
    Performance.objects.filter(pk=performance.pk).update(status="CANCELLED")


def postponed(performance):
    Performance.objects.filter(pk=performance.pk).update(status="POSTPONED")


def halted(performance):
    SaleHalt.objects.create(performance=performance, reason="x", created_at=clock.now())


def closed(performance):
    performance.sale_policy.sale_closes_at = clock.now()
    performance.sale_policy.save()


@pytest.mark.parametrize("stop", [cancelled, postponed, halted, closed])
def test_nothing_is_offered_where_nothing_is_sold(late, performance, stop):
    stop(performance)
    assert late.settle().offer is None
    assert Refund.objects.count() == 1
    assert balance_of(late.fan) == WEALTH


def test_a_cancelled_performance_takes_the_offer_back(late, performance, gateway):
    late.settle()
    cancelled(performance)
    with pytest.raises(OfferExpired):
        late.accept()
    assert is_paid_back(late, gateway, late.now)


def test_neighbours_are_offered_or_nothing(fan, performance, gateway):
    late = late_money(fan, performance, gateway)
    ids = seat_ids(performance)
    sell_out(performance, but=[ids[2], ids[4], ids[6]])
    assert late.settle().offer is None


def test_a_block_that_has_lapsed_is_offered_and_its_hold_expired(fan, performance, gateway):
    ids = seat_ids(performance)
    late = late_money(fan, performance, gateway)
    sell_out(performance, but=ids[2:4])
    rival = place(make_user(), performance, ids[2:4])  # lapses with the fan's own
    late.now = Reservation.objects.get(pk=rival.id).expires_at + SECOND
    assert late.settle().offer is not None
    assert Reservation.objects.get(pk=rival.id).status == "EXPIRED"
    assert inventory_disagreements(late.now) == []


@pytest.fixture
def accessible(db_ready):
    """A performance whose first and eleventh seats, the left ends of two rows, are accessible."""
    performance = make_performance(
        seats=20, row_length=10, price=PRICE, hold_seconds=60, payment_seconds=60, on_sale=False
    )
    Seat.objects.filter(performance=performance, index__in=[0, 10]).update(accessible=True)
    inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=clock.now())
    return performance


def test_a_person_in_a_wheelchair_and_company_stay_together(fan, accessible, gateway):
    late = late_money(fan, accessible, gateway)
    late.settle()
    assert seats_on_offer(late) == [("2", "1"), ("2", "2")]
    late.accept()
    assert money_behind_tickets() == money_kept() == 2 * PRICE


def test_without_such_neighbours_they_are_offered_nothing(fan, accessible, gateway):
    late = late_money(fan, accessible, gateway)
    ids = seat_ids(accessible)
    sell_out(accessible, but=[*ids[2:11], *ids[12:]])
    assert late.settle().offer is None
    assert Refund.objects.count() == 1


@pytest.fixture
def two_grades(db_ready):
    performance = make_performance(
        seats=4, row_length=4, price=PRICE, hold_seconds=60, payment_seconds=60, on_sale=False
    )
    for code, price, position in (("VIP", 3 * PRICE, 5), ("S", PRICE // 2, 6)):
        grade = PriceGrade.objects.create(
            performance=performance, code=code, name_ko=code, price=price, position=position
        )
        section = Section.objects.create(
            performance=performance, grade=grade, code=code, name_ko=code, position=position
        )
        first = Seat.objects.filter(performance=performance).count()
        Seat.objects.bulk_create(
            Seat(
                performance=performance,
                section=section,
                row="1",
                number=str(number + 1),
                index=first + number,
                x=float(number),
                y=float(position),
            )
            for number in range(4)
        )
    inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=clock.now())
    return performance


def test_a_better_grade_at_the_same_price_if_theirs_has_no_neighbours(fan, two_grades, gateway):
    ids = seat_ids(two_grades)
    late = late_money(fan, two_grades, gateway)
    sell_out(two_grades, but=ids[4:])
    late.settle()
    rows = SeatInventory.objects.filter(reservation_id=late.offer.reservation_id)
    assert {row.pk for row in rows} <= set(ids[4:8])  # VIP, and never S
    late.accept()
    bought = late.payment.reservation
    assert bought.amount == 2 * PRICE
    assert sorted(bought.seats.values_list("price", flat=True)) == [PRICE, PRICE]
    assert money_behind_tickets() == money_kept() == 2 * PRICE


def test_no_lower_grade_is_offered(fan, two_grades, gateway):
    late = late_money(fan, two_grades, gateway)
    sell_out(two_grades, but=seat_ids(two_grades)[8:])
    assert late.settle().offer is None


def test_a_second_page_that_was_paid_too_is_refunded(fan, performance, gateway):
    late = late_money(fan, performance, gateway)
    first = late.payment
    other = Payment.objects.create(
        reservation=first.reservation,
        user=fan,
        method="CARD",
        status="ABANDONED",
        amount=first.amount,
        points_amount=0,
        request_key="o" * 64,
        gateway="double",
        order_id="pay-other",
        failure_code="abandoned",
        created_at=first.created_at,
    )
    assert late.settle().offer is not None
    second = type(late)(fan, other.pk, late.held_id, late.now)
    assert second.settle().offer is None
    assert Refund.objects.get().payment_id == other.pk


def test_nobody_answers_for_another_fan_or_without_an_offer(late):
    late.settle()
    with pytest.raises(PaymentNotFound):
        offers.accept(payment_id=late.payment_id, user_id=make_user().pk, now=late.now)
    Offer.objects.all().delete()
    with pytest.raises(OfferNotFound):
        late.accept()


@pytest.mark.parametrize(
    "step",
    [
        "payments.usecases.checkout.offers._lock",
        "payments.operations.offers.refund_late",
        "payments.usecases.checkout.offers._publish",
        "payments.reconciliation.carry_on",
    ],
)
def test_killed_while_it_lapses_the_next_worker_goes_on(late, gateway, monkeypatch, step):
    late.settle()
    now = late.now + LASTS

    def dying(*args, **keys):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(step, dying)
        with pytest.raises(SystemExit):
            reconcile(now)
    reconcile(now + timedelta(minutes=5))
    assert is_paid_back(late, gateway, now + timedelta(hours=1))
