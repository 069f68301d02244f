"""The public sale state, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalogue.sale_state import SaleFacts, SaleState, concert_sale_state, sale_state

NOW = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

SELLING = SaleFacts(
    status="SCHEDULED",
    starts_at=NOW + 30 * DAY,
    put_on_sale=True,
    sale_opens_at=NOW - HOUR,
    sale_closes_at=NOW + 29 * DAY,
    available=10,
)
QUEUED = replace(SELLING, queue_opens_at=NOW - 2 * HOUR, queue_state="PRESALE")
AHEAD = replace(QUEUED, sale_opens_at=NOW + HOUR)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (SELLING, "ON_SALE"),
        (replace(SELLING, sale_opens_at=NOW), "ON_SALE"),
        (replace(SELLING, sale_opens_at=NOW + SECOND), "SCHEDULED"),
        (replace(SELLING, sale_opens_at=None, sale_closes_at=None), "SCHEDULED"),
        (replace(SELLING, put_on_sale=False), "SCHEDULED"),
        (replace(SELLING, sale_closes_at=NOW), "CLOSED"),
        (replace(SELLING, sale_closes_at=NOW + SECOND), "ON_SALE"),
        (replace(SELLING, starts_at=NOW), "CLOSED"),
        (replace(SELLING, starts_at=NOW, put_on_sale=False), "CLOSED"),
        (replace(SELLING, available=0), "SOLD_OUT"),
        (replace(SELLING, available=0, held=1), "ON_SALE"),
        (replace(SELLING, halted=True), "PAUSED"),
        (replace(SELLING, halted=True, available=0), "SOLD_OUT"),
        (replace(SELLING, halted=True, sale_closes_at=NOW), "CLOSED"),
        (replace(SELLING, halted=True, sale_opens_at=NOW + HOUR), "SCHEDULED"),
        (replace(SELLING, status="CANCELLED"), "CANCELLED"),
        (replace(SELLING, status="CANCELLED", starts_at=NOW - DAY), "CANCELLED"),
        (replace(SELLING, status="POSTPONED", available=0), "POSTPONED"),
        (QUEUED, "ON_SALE"),
        (replace(QUEUED, queue_state="OPEN"), "ON_SALE"),
        (replace(QUEUED, queue_state="PAUSED"), "PAUSED"),
        (replace(QUEUED, queue_state="DRAINING"), "CLOSED"),
        (replace(QUEUED, queue_state="CLOSED"), "CLOSED"),
        (replace(QUEUED, queue_state="CLOSED", available=0), "SOLD_OUT"),
        (AHEAD, "PRESALE_QUEUE"),
        (replace(AHEAD, queue_state="OPEN"), "PRESALE_QUEUE"),
        (replace(AHEAD, queue_state="PAUSED"), "SCHEDULED"),
        (replace(AHEAD, queue_opens_at=NOW), "PRESALE_QUEUE"),
        (replace(AHEAD, queue_opens_at=NOW + SECOND), "SCHEDULED"),
        (replace(AHEAD, put_on_sale=False), "SCHEDULED"),
    ],
)
def test_state_of_a_performance(facts, expected):
    assert sale_state(facts, now=NOW) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], "SCHEDULED"),
        (["SOLD_OUT", "ON_SALE"], "ON_SALE"),
        (["CLOSED", "SCHEDULED"], "SCHEDULED"),
        (["CLOSED", "SOLD_OUT"], "SOLD_OUT"),
        (["CANCELLED", "CLOSED"], "CLOSED"),
        (["CANCELLED"], "CANCELLED"),
        (["PAUSED", "PRESALE_QUEUE", "SCHEDULED"], "PRESALE_QUEUE"),
    ],
)
def test_a_concert_shows_the_performance_a_fan_can_do_most_about(states, expected):
    assert concert_sale_state(SaleState(state) for state in states) == expected


def test_every_state_has_a_rank():
    for state in SaleState:
        assert concert_sale_state([state]) is state
