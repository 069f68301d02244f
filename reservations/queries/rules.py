"""The rules of a sale as PostgreSQL has them now, for decisions under lock."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection


@dataclass(frozen=True, slots=True)
class SaleRules:
    """What a performance's status, halts and sale policy say at one moment.

    `public` is False for drafts; `put_on_sale_at` None: its seats aren't for sale yet. Lengths are
    in seconds; without a sale policy they are 0.
    """

    status: str
    public: bool
    halted: bool
    put_on_sale_at: datetime | None
    sale_opens_at: datetime | None
    sale_closes_at: datetime | None
    hold_seconds: int
    hold_cap_seconds: int
    payment_seconds: int
    max_seats_per_fan: int


_RULES = """
    SELECT performance.status,
           performance.deleted_at IS NULL AND concert.deleted_at IS NULL
               AND concert.published_at IS NOT NULL,
           EXISTS (SELECT FROM reservations_salehalt halt
                   WHERE halt.performance_id = performance.id AND halt.lifted_at IS NULL),
           sale.put_on_sale_at, sale.sale_opens_at, sale.sale_closes_at,
           coalesce(sale.hold_seconds, 0), coalesce(sale.hold_cap_seconds, 0),
           coalesce(sale.payment_seconds, 0), coalesce(sale.max_seats_per_fan, 0)
    FROM concerts_performance performance
    JOIN concerts_concert concert ON concert.id = performance.concert_id
    LEFT JOIN reservations_salepolicy sale ON sale.performance_id = performance.id
    WHERE performance.id = %s
"""


def rules_in_force(*, performance_id: UUID) -> SaleRules | None:
    """Return the rules of a performance, None where there is none: one statement.

    It sees what was committed when it began, so it belongs behind every statement that waits for
    a lock (Note [Facts under lock]).
    """
    with connection.cursor() as cursor:
        cursor.execute(_RULES, [performance_id])
        row = cursor.fetchone()
    return None if row is None else SaleRules(*row)
