"""Writes of the sales figures, inside the transaction of the events' inbox rows.

Adding is not idempotent by itself: the inbox rows of the same transaction make it so. Rows are
written in the order of their keys, so that members of the group never wait for each other in a
circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from kernel.db.transaction import require_transaction
from kernel.ids import uuid7

SalesKey = tuple[UUID, datetime, str]  # performance, hour, currency
PointsKey = tuple[datetime, str]  # hour, currency


@dataclass(slots=True)
class SalesTally:
    """What is added to a row of `HourlySales`."""

    held: int = 0
    reservations: int = 0
    seats: int = 0
    amount: int = 0


@dataclass(slots=True)
class PointsTally:
    """What is added to a row of `HourlyPoints`."""

    charges: int = 0
    charged: int = 0
    payments: int = 0
    spent: int = 0


_ADD_SALES = """
    INSERT INTO statistics_hourlysales AS known
           (id, performance_id, hour, currency, held, reservations, seats, amount)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[],
                         %s::int[], %s::int[], %s::int[], %s::bigint[])
    ON CONFLICT (performance_id, hour, currency) DO UPDATE
       SET held = known.held + excluded.held,
           reservations = known.reservations + excluded.reservations,
           seats = known.seats + excluded.seats,
           amount = known.amount + excluded.amount
"""
_ADD_POINTS = """
    INSERT INTO statistics_hourlypoints AS known
           (id, hour, currency, charges, charged, payments, spent)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[],
                         %s::int[], %s::bigint[], %s::int[], %s::bigint[])
    ON CONFLICT (hour, currency) DO UPDATE
       SET charges = known.charges + excluded.charges,
           charged = known.charged + excluded.charged,
           payments = known.payments + excluded.payments,
           spent = known.spent + excluded.spent
"""


def add_sales(tallies: Mapping[SalesKey, SalesTally]) -> None:
    """Add to the figures of performances and hours; needs an open transaction."""
    require_transaction()
    rows = [
        (uuid7(), *key, tally.held, tally.reservations, tally.seats, tally.amount)
        for key, tally in sorted(tallies.items(), key=lambda item: item[0])
    ]
    _execute(_ADD_SALES, rows)


def add_points(tallies: Mapping[PointsKey, PointsTally]) -> None:
    """Add to the figures of points by hour; needs an open transaction."""
    require_transaction()
    rows = [
        (uuid7(), *key, tally.charges, tally.charged, tally.payments, tally.spent)
        for key, tally in sorted(tallies.items(), key=lambda item: item[0])
    ]
    _execute(_ADD_POINTS, rows)


def _execute(statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
