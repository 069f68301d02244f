"""Audits amid a sale: whatever is under way, a snapshot never shows it half done."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connections

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from proof.checks import INSIDE
from reservations.usecases import holds
from tests.support.audited_sale import audited, corrupt
from tests.support.cancelling import buy, cancel
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import begin_by_card, give_points

PRICE = 100_000
FANS, SEATS = 6, 8  # seats of each fan


@pytest.fixture
def performance(db_ready, gateway) -> Performance:
    return make_performance(seats=FANS * SEATS, price=PRICE, max_seats_per_fan=SEATS)


def shop(fan: User, performance: Performance, seats: list[UUID]) -> None:
    """Do with each seat what fans do: buy it, in every way, let it go, give it up again."""
    try:
        for number, seat in enumerate(seats):
            if number % 4 == 0:
                buy(fan, performance, seat_ids=[seat])
            elif number % 4 == 1:
                held = place(fan, performance, [seat])
                holds.release(reservation_id=held.id, user_id=fan.pk, now=clock.now())
            elif number % 4 == 2:
                bought = buy(fan, performance, seat_ids=[seat], by_points=30_000)
                cancel(fan, bought.id)
            else:
                begin_by_card(fan, place(fan, performance, [seat]).id, points_amount=1_000)
    finally:
        connections.close_all()


def audits_amid(performance: Performance) -> list:
    """Return the reports of audits made while all fans shop, and of one afterwards."""
    fans = [make_user() for _ in range(FANS)]
    for fan in fans:
        give_points(fan, 100 * PRICE)
    seats = seat_ids(performance)
    reports = []
    with ThreadPoolExecutor(FANS) as pool:
        shopping = [
            pool.submit(shop, fan, performance, seats[number::FANS])
            for number, fan in enumerate(fans)
        ]
        while not all(one.done() for one in shopping):
            reports.append(audited(checks=INSIDE))
        for one in shopping:
            one.result()
    return [*reports, audited(checks=INSIDE)]


def test_audits_amid_a_sale_find_nothing(performance):
    reports = audits_amid(performance)
    assert len(reports) > 3
    assert [one for report in reports for one in report.violations] == []
    assert [one for report in reports for one in report.failures] == []


@pytest.mark.control
def test_control_a_row_that_is_wrong_is_found_amid_the_sale(performance):
    corrupt(
        "UPDATE reservations_seatinventory SET index = index + 500 WHERE performance_id = %s",
        performance.pk,
    )
    reports = audits_amid(performance)
    assert all(report.violations for report in reports)
