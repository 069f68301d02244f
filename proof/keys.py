"""The keys of what checks look at, in bounded batches."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from kernel.ids import first_uuid7_at
from proof import policy
from proof.checks import Subjects
from proof.findings import AuditScope

_NONE = UUID(int=0)

_PERFORMANCES = """
    SELECT performance_id FROM reservations_salepolicy
     WHERE put_on_sale_at IS NOT NULL AND performance_id > %(after)s
       AND (%(performance)s::uuid IS NULL OR performance_id = %(performance)s::uuid)
     ORDER BY performance_id LIMIT %(limit)s
"""
_PAYMENTS = """
    SELECT payment.id FROM payments_payment payment
     WHERE payment.id > %(after)s AND payment.id >= %(first)s
       AND (%(performance)s::uuid IS NULL
            OR EXISTS (SELECT FROM reservations_reservation reservation
                        WHERE reservation.id = payment.reservation_id
                          AND reservation.performance_id = %(performance)s::uuid))
     ORDER BY payment.id LIMIT %(limit)s
"""
_ROWS = """
    SELECT id FROM {table} WHERE id > %(after)s AND id >= %(first)s ORDER BY id LIMIT %(limit)s
"""
_ACCOUNTS = """
    SELECT id FROM points_account WHERE id > %(after)s AND user_id IS NOT NULL
     ORDER BY id LIMIT %(limit)s
"""
# Where only what is new counts: the accounts that anything moved on.
_TOUCHED_ACCOUNTS = """
    SELECT DISTINCT entry.account_id FROM points_entry entry
     WHERE entry.id >= %(first)s AND entry.account_id > %(after)s
     ORDER BY entry.account_id LIMIT %(limit)s
"""
_STATEMENTS = {
    Subjects.PERFORMANCES: _PERFORMANCES,
    Subjects.PAYMENTS: _PAYMENTS,
    Subjects.CHARGES: _ROWS.format(table="payments_charge"),
    Subjects.TRANSFERS: _ROWS.format(table="points_transfer"),
    Subjects.ACCOUNTS: _ACCOUNTS,
}

# Performances of which anything was held, paid or cancelled, those with the latest first.
_BUSY = """
    SELECT performance_id FROM (
        SELECT performance_id, id FROM reservations_reservation WHERE id >= %(first)s
        UNION ALL
        SELECT reservation.performance_id, payment.id
          FROM payments_payment payment
          JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
         WHERE payment.id >= %(first)s
        UNION ALL
        SELECT reservation.performance_id, cancellation.id
          FROM payments_cancellation cancellation
          JOIN payments_payment payment ON payment.id = cancellation.payment_id
          JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
         WHERE cancellation.id >= %(first)s) AS changed
     GROUP BY performance_id ORDER BY max(id::text) DESC LIMIT %(limit)s
"""
_IN_TURN = """
    SELECT performance_id FROM reservations_salepolicy
     WHERE put_on_sale_at IS NOT NULL
     ORDER BY performance_id
    OFFSET %(turn)s %% greatest(1, (SELECT count(*) FROM reservations_salepolicy
                                     WHERE put_on_sale_at IS NOT NULL)) LIMIT 1
"""


def batches(
    subjects: Subjects, scope: AuditScope, *, using: str, now: datetime
) -> Iterator[list[UUID]]:
    """Yield the keys of a scope, batch by batch; one empty batch for `EVERYTHING`."""
    if subjects is Subjects.EVERYTHING:
        yield []
        return
    if subjects is Subjects.PERFORMANCES and scope.since is not None:
        yield from ([key] for key in _recent_performances(scope.since, using=using, now=now))
        return
    statement, size = _STATEMENTS[subjects], policy.KEYS_PER_BATCH
    if subjects is Subjects.ACCOUNTS and scope.since is not None:
        statement = _TOUCHED_ACCOUNTS
    if subjects is Subjects.PERFORMANCES:
        size = 1
    first = first_uuid7_at(scope.since) if scope.since is not None else _NONE
    after = _NONE
    while True:
        given = {"after": after, "first": first, "performance": scope.performance_id, "limit": size}
        found = _read(statement, given, using=using)
        if found:
            yield found
        if len(found) < size:
            return
        after = found[-1]


def _recent_performances(since: datetime, *, using: str, now: datetime) -> list[UUID]:
    """Return the performances in which something happened, and one more, another each minute."""
    busy = {"first": first_uuid7_at(since), "limit": policy.PERFORMANCES_A_MINUTE}
    turn = {"turn": int(now.timestamp()) // 60}
    found = _read(_BUSY, busy, using=using) + _read(_IN_TURN, turn, using=using)
    return list(dict.fromkeys(found))


def _read(statement: str, values: Mapping[str, Any], *, using: str) -> list[UUID]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        return [key for (key,) in cursor.fetchall()]
