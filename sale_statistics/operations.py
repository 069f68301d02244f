"""Writes of the sales figures, inside the transaction of the event's inbox row."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import Money


def add_sale(*, performance_id: UUID, at: datetime, seats: int, amount: Money) -> None:
    """Count one confirmed reservation in the hour of `at`; needs an open transaction.

    Adding is not idempotent by itself: the inbox row of the same transaction makes it so.
    """
    require_transaction()
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO statistics_hourlysales AS known
                   (id, performance_id, hour, reservations, seats, amount, currency)
            VALUES (%s, %s, %s, 1, %s, %s, %s)
            ON CONFLICT (performance_id, hour, currency) DO UPDATE
               SET reservations = known.reservations + 1,
                   seats = known.seats + excluded.seats,
                   amount = known.amount + excluded.amount
            """,
            [uuid7(), performance_id, hour, seats, amount.amount, amount.currency],
        )
