"""Every event of reservations is as its schema says, and tells no more than it may."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from events.models import OutboxEvent
from kernel import clock
from reservations.usecases import holds
from tests.support import factories, money
from tests.support.holding import place

SCHEMAS = Path(settings.BASE_DIR) / "docs" / "events"
FIELDS = {
    "reservation_id",
    "performance_id",
    "user_id",
    "seats",
    "amount",
    "expires_at",
    "reason",
}


@pytest.fixture
def recorded(fan):
    """One reservation of every fate; return the events by type."""
    performance = factories.make_performance(seats=10)
    seats = factories.seat_ids(performance)
    now = clock.now()
    money.give_points(fan, 1_000_000)
    place(fan, performance, seats[3:5], now=now - timedelta(hours=1))
    money.begin(fan, place(fan, performance, seats[:2]).id)
    holds.release(
        reservation_id=place(fan, performance, seats[2:3]).id, user_id=fan.pk, now=clock.now()
    )
    holds.expire_lapsed(now=now)
    rows = OutboxEvent.objects.filter(topic="frontrow.reservations.v1").order_by("position")
    return {row.type: row for row in rows}


@pytest.mark.parametrize("fate", ["held", "confirmed", "expired", "released"])
def test_an_event_follows_its_schema(recorded, fate):
    row = recorded[f"reservation.{fate}"]
    schema = json.loads((SCHEMAS / f"{row.type}.json").read_text())
    Draft202012Validator.check_schema(schema)
    checked = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    checked.validate(row.data)
    assert set(row.data) == FIELDS
    assert row.data["reservation_id"] == str(row.aggregate_id) == row.subject
    assert row.source == "/frontrow/reservations"
    prices = [seat["price"]["amount"] for seat in row.data["seats"]]
    assert sum(prices) == row.data["amount"]["amount"]


def test_the_schema_refuses_an_event_without_its_seats(recorded):
    row = recorded["reservation.held"]
    schema = json.loads((SCHEMAS / f"{row.type}.json").read_text())
    assert not Draft202012Validator(schema).is_valid({**row.data, "seats": []})
