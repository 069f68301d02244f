"""Staff: put the seats of a performance on sale, block and unblock seats."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from concerts.locking import lock_performance
from concerts.models import Performance
from concerts.operations import freeze_layout
from concerts.store import catalogue_changed
from events.operations import NewEvent, record
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff.audit import target, target_of
from reservations import locking, operations, policy, queries, seat_changes
from reservations.claims import BLOCKED, Claim
from reservations.models import SeatInventory


class NotReadyForSale(DomainError):
    """The check list didn't pass; `failed` names the lines."""

    code = "not_ready_for_sale"
    kind = Kind.CONFLICT
    message = text(
        en="This performance is not ready to be sold.", ko="판매 준비가 끝나지 않은 회차입니다."
    )


class SeatsNotFree(DomainError):
    """Some seats are held or sold, or are no seats on sale; `seat_ids` names them."""

    code = "seats_not_free"
    kind = Kind.CONFLICT
    message = text(
        en="Only seats that nobody has can be changed.", ko="비어 있는 좌석만 변경할 수 있습니다."
    )


class TooManySeats(DomainError):
    """One action changes `most` seats at most."""

    code = "too_many_seats"
    kind = Kind.INVALID
    message = text(en="That is too many seats at once.", ko="한 번에 변경할 좌석이 너무 많습니다.")


@dataclass(frozen=True, slots=True)
class OnSale:
    """What has been put on sale."""

    performance_id: UUID
    seats: int
    layout_version: int


def put_on_sale(
    *, performance_id: UUID, actor_id: UUID | None, now: datetime, reason: str = ""
) -> OnSale:
    """Make the inventory of every seat and freeze the layout.

    Raises `PerformanceNotFound` and `NotReadyForSale` (with the check list's failed lines).
    """
    with transaction():
        lock_performance(performance_id=performance_id)
        sale = locking.lock_sale_policy(performance_id=performance_id)
        checks = queries.sale_checks(performance_id=performance_id, now=now)
        failed = [check.name for check in checks if check.required and not check.passed]
        if failed or sale is None:
            raise NotReadyForSale(failed=failed)
        performance = freeze_layout(performance_id=performance_id, now=now)
        seats = operations.make_inventory(sale=sale, now=now)
        catalogue_changed()
        record_audit(
            actor_id=actor_id,
            action="reservations.put_on_sale",
            target=target_of(performance),
            reason=reason,
            changes={"seats": seats, "layout_version": performance.layout_version},
            now=now,
        )
    queries.forget_sale_terms()
    return OnSale(performance_id, seats, performance.layout_version)


@dataclass(frozen=True, slots=True)
class BlockedSeats:
    """How many seats were blocked, and which were not as somebody has them."""

    changed: int
    refused: tuple[UUID, ...] = ()


def block(*, seat_ids: Sequence[UUID], reason: str, actor_id: UUID | None, now: datetime) -> int:
    """Take free seats off the sale; return how many were changed (blocked ones stay so).

    Raises `SeatsNotFree` when one is held or sold, `TooManySeats`.
    """
    return _block(seat_ids, reason, actor_id, now, leave_taken=False).changed


def block_free(
    *, seat_ids: Sequence[UUID], reason: str, actor_id: UUID | None, now: datetime
) -> BlockedSeats:
    """Take those of the seats off the sale that are free, and name the others.

    Raises `SeatsNotFree` when one is no seat on sale, `TooManySeats`.
    """
    return _block(seat_ids, reason, actor_id, now, leave_taken=True)


def _block(
    seat_ids: Sequence[UUID],
    reason: str,
    actor_id: UUID | None,
    now: datetime,
    *,
    leave_taken: bool,
) -> BlockedSeats:
    with transaction():
        rows = _locked(seat_ids)
        taken = {
            row.seat_id: None  # in the order of their ids
            for row in rows
            if not row.is_free(now) and row.status != SeatInventory.Status.BLOCKED
        }
        if taken and not leave_taken:
            raise SeatsNotFree(seat_ids=list(taken))
        rows = [row for row in rows if row.seat_id not in taken]
        free = [row for row in rows if row.is_free(now)]
        lapsed = [row.reservation_id for row in free if row.reservation_id]
        changed = operations.set_blocked(seat_ids=[row.seat_id for row in free], blocked=True)
        expired = operations.expire_lapsed(reservation_ids=lapsed, now=now)
        record(events=expired, now=now)
        _audit("reservations.block", rows, reason, actor_id, now)
    _publish(free, blocked=True, expired=expired, now=now)
    return BlockedSeats(changed, tuple(taken))


def unblock(*, seat_ids: Sequence[UUID], reason: str, actor_id: UUID | None, now: datetime) -> int:
    """Put blocked seats back on sale; return how many were changed (others are left alone)."""
    with transaction():
        rows = _locked(seat_ids)
        blocked = [row for row in rows if row.status == SeatInventory.Status.BLOCKED]
        changed = operations.set_blocked(seat_ids=[row.seat_id for row in blocked], blocked=False)
        _audit("reservations.unblock", blocked, reason, actor_id, now)
    _publish(blocked, blocked=False, now=now)
    return changed


def _locked(seat_ids: Sequence[UUID]) -> list[locking.LockedRow]:
    wanted = sorted(set(seat_ids))
    if len(wanted) > policy.MAX_SEATS_PER_BLOCK:
        raise TooManySeats(most=policy.MAX_SEATS_PER_BLOCK)
    rows = locking.lock_rows(seat_ids=wanted)
    missing = sorted(set(wanted) - {row.seat_id for row in rows})
    if missing:
        raise SeatsNotFree(seat_ids=missing)
    return rows


def _audit(
    action: str,
    rows: Sequence[locking.LockedRow],
    reason: str,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    for performance_id, seats in _by_performance(rows).items():
        record_audit(
            actor_id=actor_id,
            action=action,
            target=target(Performance, performance_id),
            reason=reason,
            changes={"seat_ids": [str(row.seat_id) for row in seats]},
            now=now,
        )


def _publish(
    rows: Sequence[locking.LockedRow],
    *,
    blocked: bool,
    now: datetime,
    expired: Sequence[NewEvent] = (),
) -> None:
    """Publish the change; blocked seats are owned by a name no reservation has."""
    owner = BLOCKED if blocked else None
    for performance_id, seats in _by_performance(rows).items():
        changed = [Claim(row.seat_id, owner, overruled_owner=BLOCKED) for row in seats]
        freed = seat_changes.freed_by_expiry(
            [event for event in expired if event.data["performance_id"] == str(performance_id)],
            but={row.seat_id for row in rows},
        )
        seat_changes.publish(
            performance_id=performance_id, claims=[*changed, *freed], writer=BLOCKED, now=now
        )


def _by_performance(
    rows: Sequence[locking.LockedRow],
) -> dict[UUID, list[locking.LockedRow]]:
    grouped: dict[UUID, list[locking.LockedRow]] = defaultdict(list)
    for row in rows:
        grouped[row.performance_id].append(row)
    return grouped
