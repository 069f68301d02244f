"""The sale at the very moment at which something begins or ends, and what belongs to whom."""

from datetime import timedelta

import pytest

from concerts.models import PriceGrade
from kernel import clock
from kernel.db.transaction import transaction
from reservations import claims, operations, policy, queries
from reservations.models import Reservation, SaleHalt, SalePolicy, SeatInventory
from reservations.usecases import holds, inventory, sale
from tests.support import factories, money
from tests.support.holding import claim, place

pytestmark = pytest.mark.usefixtures("db_ready")

MICROSECOND = timedelta(microseconds=1)


def window(**changes):
    """Return a performance of 24 seats and the start and end of its sale."""
    opens = clock.now().replace(microsecond=0)
    closes = opens + timedelta(hours=1)
    made = factories.make_performance(
        seats=24, now=opens, sale_opens_at=opens, sale_closes_at=closes, **changes
    )
    return made, opens, closes


def test_a_sale_is_open_from_its_first_moment_and_closed_from_its_last(fan):
    performance, opens, closes = window()
    first, second = factories.seat_ids(performance, 2)
    with pytest.raises(holds.SaleNotOpen):
        place(fan, performance, [first], now=opens - MICROSECOND)
    place(fan, performance, [first], now=opens)
    with pytest.raises(holds.SaleClosed):
        place(fan, performance, [second], now=closes)
    place(fan, performance, [second], now=closes - MICROSECOND)


def test_a_performance_without_a_policy_is_not_on_sale_yet(fan):
    performance, *_ = window()
    SalePolicy.objects.all().delete()
    with pytest.raises(holds.SaleNotOpen):
        place(fan, performance, factories.seat_ids(performance, 1))


def test_where_nothing_is_limited_no_limit_is_reported(fan):
    performance, opens, _ = window()
    result = claim(fan, performance, factories.seat_ids(performance, 1), now=opens)
    assert result.verdict is claims.Verdict.CLAIMED
    assert list(result.limit) == []


def test_as_many_seats_as_a_request_may_name_are_held(fan):
    performance, *_ = window(max_seats_per_fan=20)
    seats = factories.seat_ids(performance, policy.MAX_SEATS_PER_REQUEST)
    assert len(place(fan, performance, seats).seats) == policy.MAX_SEATS_PER_REQUEST


def test_a_hold_is_over_at_its_deadline_for_the_gate_as_for_postgresql(fan):
    performance, opens, _ = window(hold_seconds=60)
    [seat] = factories.seat_ids(performance, 1)
    held = place(fan, performance, [seat], now=opens)
    other = factories.make_user()
    with pytest.raises(holds.SeatTaken):
        place(other, performance, [seat], now=held.expires_at - timedelta(milliseconds=1))
    taken = place(other, performance, [seat], now=held.expires_at)
    assert taken.user_id == other.pk


def test_a_sale_is_open_from_its_opening_until_its_end():
    performance, opens, closes = window()
    moments = [opens - MICROSECOND, opens, closes - MICROSECOND, closes]
    found = [queries.open_sales(now=at) for at in moments]
    assert found == [[], [performance.pk], [performance.pk], []]


def test_each_status_lists_the_reservations_that_have_it(fan):
    performance, opens, _ = window(hold_seconds=60)
    seats = factories.seat_ids(performance, 4)
    expected = {}
    for status, seat in zip(("EXPIRED", "RELEASED", "CONFIRMED", "PENDING"), seats, strict=True):
        at = opens if status == "EXPIRED" else opens + timedelta(minutes=2)
        held = place(fan, performance, [seat], now=at)
        expected[status] = [held.id]
        if status == "RELEASED":
            holds.release(reservation_id=held.id, user_id=fan.pk, now=at)
        elif status == "CONFIRMED":
            money.give_points(fan, 1_000_000)
            money.begin(fan, held.id, now=at)
    now = opens + timedelta(minutes=2)
    found = {
        status: [row.pk for row in queries.mine(user_id=fan.pk, now=now, status=status)]
        for status in expected
    }
    assert found == expected
    assert queries.mine(user_id=fan.pk, now=now).count() == 4


def test_the_check_list_wants_a_sale_that_ends_later_and_seats_of_its_own():
    _, opens, closes = window()
    empty = factories.make_performance(seats=0, on_sale=False, now=opens, sale_closes_at=closes)

    def passed(at):
        return {
            check.name: check.passed
            for check in queries.sale_checks(performance_id=empty.pk, now=at)
        }

    assert passed(closes - timedelta(seconds=1))["policy"]
    assert not passed(closes)["policy"]
    assert not passed(opens)["seats"], "another performance has some"


def test_a_grade_without_a_price_is_the_business_of_its_own_performance():
    factories.make_performance(seats=1, price=0, on_sale=False)
    one = factories.make_performance(seats=1, on_sale=False)
    checks = queries.sale_checks(performance_id=one.pk, now=clock.now())
    assert {check.name: check.passed for check in checks}["prices"]


@pytest.mark.parametrize(("price", "passed"), [(0, False), (1, True)])
def test_a_price_is_wanted_for_grades_that_have_seats(price, passed):
    performance = factories.make_performance(seats=1, price=price, on_sale=False)
    PriceGrade.objects.create(performance=performance, code="X", name_ko="X석", price=0)
    checks = queries.sale_checks(performance_id=performance.pk, now=clock.now())
    assert {check.name: check.passed for check in checks}["prices"] is passed


def test_putting_one_performance_on_sale_leaves_the_seats_of_others():
    one = factories.make_performance(seats=2, on_sale=False)
    factories.make_performance(seats=3, on_sale=False)
    inventory.put_on_sale(performance_id=one.pk, actor_id=None, now=clock.now())
    assert set(SeatInventory.objects.values_list("performance_id", flat=True)) == {one.pk}


def test_lifting_the_halts_of_one_sale_leaves_those_of_others():
    one, other = (factories.make_performance(seats=1) for _ in range(2))
    for performance in (one, other):
        sale.halt(performance_id=performance.pk, reason="test", actor_id=None, now=clock.now())
    sale.resume(performance_id=one.pk, reason="test", actor_id=None, now=clock.now())
    assert list(
        SaleHalt.objects.filter(lifted_at__isnull=True).values_list("performance_id", flat=True)
    ) == [other.pk]


def test_the_halt_of_one_sale_stops_no_other(fan):
    one, other = (factories.make_performance(seats=1) for _ in range(2))
    sale.halt(performance_id=other.pk, reason="test", actor_id=None, now=clock.now())
    place(fan, one, factories.seat_ids(one, 1))
    with pytest.raises(holds.SalePaused):
        place(fan, other, factories.seat_ids(other, 1))


def test_the_rules_in_force_are_those_of_the_performance():
    made = [factories.make_performance(seats=1, max_seats_per_fan=most) for most in (2, 3, 5)]
    found = [queries.rules_in_force(performance_ids=[one.pk])[one.pk] for one in made]
    together = queries.rules_in_force(performance_ids=[one.pk for one in made])
    assert together == {one.pk: rules for one, rules in zip(made, found, strict=True)}
    assert [rules.max_seats_per_fan for rules in found if rules] == [2, 3, 5]


def test_only_lapsed_holds_are_swept_for(fan):
    performance, opens, _ = window(hold_seconds=60)
    first, second = factories.seat_ids(performance, 2)
    lapsed = place(fan, performance, [first], now=opens)
    place(fan, performance, [second], now=opens + timedelta(seconds=1))
    assert queries.lapsed_holds(limit=10, now=lapsed.expires_at) == [lapsed.id]


def test_lapses_alone_are_recorded_at_the_gate(fan):
    performance, opens, _ = window()
    lapses = claims.Lapses([fan.pk], threshold=1, first_seconds=30)
    assert claims.seat_claims.write_many(
        performance_id=performance.pk, changes=[claims.SeatChange("sweep", [], lapses)], now=opens
    )
    with pytest.raises(holds.HoldBackoff):
        place(fan, performance, factories.seat_ids(performance, 1), now=opens)


def test_what_was_released_is_not_listed_as_expired(fan):
    performance, opens, _ = window(hold_seconds=60)
    first, second = factories.seat_ids(performance, 2)
    released = place(fan, performance, [first], now=opens)
    holds.release(reservation_id=released.id, user_id=fan.pk, now=opens)
    lapsed = place(fan, performance, [second], now=opens)
    later = lapsed.expires_at
    listed = queries.mine(user_id=fan.pk, now=later, status="EXPIRED")
    assert [row.pk for row in listed] == [lapsed.id]


def test_the_list_of_one_performance_leaves_out_the_others(fan):
    (one, opens, _), (other, *_) = window(), window()
    wanted = place(fan, one, factories.seat_ids(one, 1), now=opens)
    place(fan, other, factories.seat_ids(other, 1))
    listed = queries.mine(user_id=fan.pk, now=opens, performance_id=one.pk)
    assert [row.pk for row in listed] == [wanted.id]


def test_seats_that_one_has_bought_are_taken_but_no_hold_of_ones_own(fan):
    performance, *_ = window()
    seats = factories.seat_ids(performance, 1)
    money.give_points(fan, 500_000)
    held = place(fan, performance, seats)
    money.begin(fan, held.id)
    with pytest.raises(holds.SeatTaken) as refusal:
        place(fan, performance, seats)
    assert refusal.value.extras == {"seat_ids": seats, "yours": []}


def test_seats_are_sold_once_whatever_the_caller_believes(fan):
    performance, opens, _ = window()
    held = place(fan, performance, factories.seat_ids(performance, 1), now=opens)
    with transaction():
        locked = money.lock_to_pay(held.id, fan.pk)
        confirmations = [operations.Confirmation(locked, payment_id=held.id)]
        operations.confirm(confirmations=confirmations, now=opens)
        with pytest.raises(operations.ReservationExpired):
            operations.confirm(confirmations=confirmations, now=opens)
    assert Reservation.objects.get().status == "CONFIRMED"


def test_a_policy_whose_window_has_no_length_is_refused():
    performance, opens, _ = window()
    with pytest.raises(sale.PolicyInvalid):
        sale.set_policy(
            performance_id=performance.pk,
            changes={"sale_closes_at": opens},
            reason="test",
            actor_id=None,
            now=opens,
        )
    assert SalePolicy.objects.get().sale_closes_at > opens
