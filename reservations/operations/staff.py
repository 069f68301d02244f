"""Writes of staff: inventory, blocked seats, sale policies, halts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.db.planner_statistics import analyze_after_commit, discard_plans
from kernel.db.transaction import require_transaction
from reservations import policy
from reservations.models import HALT_REASON_LENGTH, SaleHalt, SalePolicy, SeatInventory


def make_inventory(*, sale: SalePolicy, now: datetime) -> int:
    """Put every seat of a performance with a frozen layout on sale; return how many there are."""
    require_transaction()
    discard_plans()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reservations_seatinventory (seat_id, performance_id, index, status)
            SELECT id, performance_id, index, 'AVAILABLE' FROM concerts_seat
            WHERE performance_id = %s ORDER BY index
            """,
            [sale.pk],
        )
        seats = int(cursor.rowcount)
    analyze_after_commit(SeatInventory)
    sale.put_on_sale_at = now
    sale.version += 1
    sale.save(update_fields=["put_on_sale_at", "version"])
    return seats


def set_blocked(*, seat_ids: Sequence[UUID], blocked: bool) -> int:
    """Block free seats or unblock blocked ones; the rows must be locked and checked."""
    require_transaction()
    status = SeatInventory.Status.BLOCKED if blocked else SeatInventory.Status.AVAILABLE
    return SeatInventory.objects.filter(seat_id__in=seat_ids).update(
        status=status, reservation_id=None, held_until=None
    )


def new_policy(*, performance_id: UUID, values: Mapping[str, Any]) -> SalePolicy:
    """Return a first policy, not saved yet; the caller checks and saves."""
    row = SalePolicy(performance_id=performance_id, version=0)
    change_policy(row=row, changes=values)
    return row


def change_policy(*, row: SalePolicy, changes: Mapping[str, Any]) -> None:
    """Apply changes to a locked policy, as its next version; the caller checks and saves."""
    unknown = set(changes) - set(policy.SALE_FIELDS)
    if unknown:
        raise ValueError(f"not fields of a sale policy: {sorted(unknown)}")
    for name, value in changes.items():
        setattr(row, name, value)
    row.version += 1


def add_halt(*, performance_id: UUID, reason: str, now: datetime) -> SaleHalt:
    """Add one more halt; the sale goes on once all are lifted.

    A long reason is cut: the audit log has the whole of it.
    """
    require_transaction()
    return SaleHalt.objects.create(
        performance_id=performance_id, reason=reason[:HALT_REASON_LENGTH], created_at=now
    )


def lift_halts(*, performance_id: UUID, now: datetime) -> int:
    """Lift every live halt; return how many there were."""
    require_transaction()
    live = SaleHalt.objects.filter(performance_id=performance_id, lifted_at__isnull=True)
    return live.update(lifted_at=now)
