"""The rules of a sale as PostgreSQL has them now, for decisions under lock."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from django.db import connection

from kernel.db.arrays import one_of


@dataclass(frozen=True, slots=True)
class SaleRules:
    """What a performance's status, halts and sale policy say at one moment.

    `public` is False for drafts; `put_on_sale_at` None: its seats aren't for sale yet. The rest are
    fields of `SalePolicy` by their names; lengths are in seconds, and 0 without a sale policy.
    """

    status: str
    public: bool
    halted: bool
    put_on_sale_at: datetime | None
    sale_opens_at: datetime | None
    sale_closes_at: datetime | None
    hold_seconds: int
    hold_cap_seconds: int
    extra_time_cap_seconds: int
    payment_seconds: int
    max_seats_per_fan: int

    def cap_seconds(self, *, extra_time: bool) -> int:
        """How long a hold may last from its start, for a fan who needs more time or not."""
        if extra_time:
            return max(self.hold_cap_seconds, self.extra_time_cap_seconds)
        return self.hold_cap_seconds


_OF_POLICY = [rule for rule in fields(SaleRules) if rule.name not in {"status", "public", "halted"}]
_COLUMNS = ", ".join(
    f"coalesce(sale.{rule.name}, 0)" if rule.type is int else f"sale.{rule.name}"
    for rule in _OF_POLICY
)
_RULES = f"""
    SELECT performance.id, performance.status,
           performance.deleted_at IS NULL AND concert.deleted_at IS NULL
               AND concert.published_at IS NOT NULL,
           EXISTS (SELECT FROM reservations_salehalt halt
                   WHERE halt.performance_id = performance.id AND halt.lifted_at IS NULL),
           {_COLUMNS}
    FROM concerts_performance performance
    JOIN concerts_concert concert ON concert.id = performance.concert_id
    LEFT JOIN reservations_salepolicy sale ON sale.performance_id = performance.id
    WHERE performance.id {{one_of}}
"""  # noqa: S608  (constants only)


def rules_in_force(*, performance_ids: Collection[UUID]) -> dict[UUID, SaleRules]:
    """Return the rules of each performance that there is: one statement.

    It sees what was committed when it began, so it belongs behind every statement that waits for
    a lock (Note [Facts under lock]).
    """
    condition, keys = one_of(performance_ids)
    with connection.cursor() as cursor:
        cursor.execute(_RULES.format(one_of=condition), [keys])
        return {performance_id: SaleRules(*rules) for performance_id, *rules in cursor.fetchall()}
