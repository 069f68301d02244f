"""The predicate and the SQL fragment of `reservations.availability` say the same of every seat."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from reservations import availability

NOW = datetime(2026, 12, 24, 10, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
SEATS = [
    ("AVAILABLE", None),
    ("TEMPORARILY_RESERVED", NOW - MOMENT),
    ("TEMPORARILY_RESERVED", NOW),
    ("TEMPORARILY_RESERVED", NOW + MOMENT),
    ("RESERVED", None),
    ("BLOCKED", None),
]


def in_sql(fragment, status, held_until):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {fragment} FROM (SELECT %(status)s AS status,"
            " %(held_until)s::timestamptz AS held_until) inventory",
            {"status": status, "held_until": held_until, "now": NOW},
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("status", "held_until"), SEATS)
def test_what_is_free_in_python_is_free_in_sql(db_ready, status, held_until):
    free = availability.is_free(status=status, held_until=held_until, now=NOW)
    assert in_sql(availability.FREE, status, held_until) is free
    letter = in_sql(availability.LETTER, status, held_until)
    assert (letter == "A") is free
    assert free or availability.NAMES[letter] == status


@pytest.mark.control
def test_control_another_boundary_in_sql_is_noticed(db_ready):
    other = availability.FREE.replace("<=", "<")
    differing = [
        seat
        for seat in SEATS
        if in_sql(other, *seat)
        is not availability.is_free(status=seat[0], held_until=seat[1], now=NOW)
    ]
    assert differing == [("TEMPORARILY_RESERVED", NOW)]
