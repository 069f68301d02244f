"""The use case of changing a waiting room's rules: by staff, with a reason, in force at once."""

import logging
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from accounts.operations import record_audit
from concerts import schedule
from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from concerts.store import catalogue_changed
from concerts.times import shown
from kernel import clock
from kernel.db.transaction import run_after_commit, transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.redis.breaker import DependencyUnavailable
from kernel.staff import audit
from queueing import changes as room_changes
from queueing import draw_rows, locking, operations, queries
from queueing.models import QueueConfig
from queueing.queries import QueueRules
from queueing.queue_server import queue_server

log = logging.getLogger(__name__)

CHANGEABLE = frozenset(
    {
        "queue_required",
        "queue_opens_at",
        "admission_opens_at",
        "rate_per_second",
        "capacity",
        "grace_seconds",
        "session_seconds",
        "state",
        "joins_per_minute",
        "joins_per_minute_per_address",
        "accounts_per_address",
        "expected_fans",
        "abuse_check",
        "work_bits",
    }
)
_OPENINGS = ("queue_opens_at", "admission_opens_at")
# What the audit log has as text, as the columns want it.
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "rate_per_second": Decimal,
    "capacity": int,
    "state": str,
}


class QueueConfigInvalid(DomainError):
    """A value is out of bounds or missing; `problems` says which and why."""

    code = "queue_config_invalid"
    kind = Kind.INVALID
    message = text(
        en="The waiting room's settings are not valid.", ko="대기열 설정이 올바르지 않습니다."
    )


class QueueConfigChanged(DomainError):
    """Somebody else changed the settings since they were read."""

    code = "queue_config_changed"
    kind = Kind.CONFLICT
    message = text(
        en="The settings have been changed meanwhile. Look again.",
        ko="다른 사람이 설정을 변경했습니다. 다시 확인해 주세요.",
    )


class NothingToUndo(DomainError):
    """The last change is none that a press undoes, or the room has no such change."""

    code = "queue_nothing_to_undo"
    kind = Kind.CONFLICT
    message = text(
        en="The last change cannot be undone here.", ko="마지막 변경은 여기서 되돌릴 수 없습니다."
    )


def set_config(
    *,
    performance_id: UUID,
    changes: Mapping[str, Any],
    actor_id: UUID | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
    confirmed: Container[str] = (),
    undoes: UUID | None = None,
) -> QueueRules:
    """Make or change a room's config (fields in CHANGEABLE), audit it, mirror it after commit.

    `undoes` names the audit entry of a change that this one takes back.

    Raises PerformanceNotFound, QueueConfigInvalid, QueueConfigChanged, and NeedsConfirmation
    where an opening is unusual and not `confirmed`.
    """
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise QueueConfigInvalid(problems={name: ["unknown"] for name in unknown})
    with transaction():
        config = locking.lock_config(performance_id)
        made = config is None
        config = config or _new(performance_id)
        if expected_version is not None and expected_version != (0 if made else config.version):
            raise QueueConfigChanged
        diff = _apply(config, changes, made=made)
        if not diff:
            return queries.rules_of(config)
        _check(config, made=made)
        asked = _questions(config, diff, now=now)
        codes = schedule.require_confirmation(asked=asked, confirmed=confirmed, reason=reason)
        if not made:
            config.version += 1
        config.save(force_insert=made)
        if made:  # its draw is committed to from its first moment
            draw_rows.commit(performance_ids=[performance_id], now=now)
        operations.make_due(performance_id=performance_id)
        record_audit(
            actor_id=actor_id,
            action=room_changes.SET_CONFIG,
            target=audit.target_of(config),
            reason=reason,
            changes=diff | _beside(codes, undoes),
            now=now,
        )
        catalogue_changed()
        run_after_commit(lambda: _mirror(config, now))
    return queries.rules_of(config)


def undo_last(
    *, performance_id: UUID, change_id: UUID, actor_id: UUID | None, reason: str, now: datetime
) -> QueueRules:
    """Take the last change of rate, capacity or state back, which is the one with this id.

    An undone change may be undone too. Raises PerformanceNotFound, NothingToUndo, and
    QueueConfigChanged where somebody has changed the room since.
    """
    # Read before the change: who comes in between has made another version.
    found = queries.rules([performance_id]).get(performance_id)
    change = room_changes.last_change(performance_id)
    if found is None:
        raise PerformanceNotFound
    if change is None or not change.undoable:
        raise NothingToUndo
    if change.id != change_id:
        raise QueueConfigChanged
    wanted = {name: _FIELDS[name](value) for name, value in change.before.items()}
    return set_config(
        performance_id=performance_id,
        changes=wanted,
        actor_id=actor_id,
        reason=reason,
        now=now,
        expected_version=found.version,
        undoes=change.id,
    )


def _beside(codes: list[str], undoes: UUID | None) -> dict[str, Any]:
    """Return what the audit entry says beside the fields: what was confirmed, what is undone."""
    found = {"confirmed": codes, "undoes": str(undoes) if undoes else None}
    return {name: value for name, value in found.items() if value}


def _new(performance_id: UUID) -> QueueConfig:
    if not Performance.objects.filter(pk=performance_id, deleted_at__isnull=True).exists():
        raise PerformanceNotFound
    return QueueConfig(performance_id=performance_id)


def _apply(config: QueueConfig, changes: Mapping[str, Any], *, made: bool) -> dict[str, Any]:
    diff = {}
    for name, value in changes.items():
        before = None if made else getattr(config, name)
        if made or before != value:
            diff[name] = {"from": _as_text(before), "to": _as_text(value)}
        setattr(config, name, value)
    return diff


def _check(config: QueueConfig, *, made: bool) -> None:
    try:
        config.full_clean(validate_unique=made)
    except ValidationError as error:
        raise QueueConfigInvalid(problems=error.message_dict) from error


def _questions(
    config: QueueConfig, diff: Mapping[str, Any], *, now: datetime
) -> list[schedule.Question]:
    """Ask about unusual openings (Note [Unusual changes])."""
    asked = list(_about_beacon(config)) if "queue_opens_at" in diff else []
    moments = [getattr(config, name) for name in _OPENINGS if name in diff]
    past = [one for one in moments if one and one <= now - schedule.OPENING_AT_ONCE]
    if past:
        zone = config.performance.concert.venue.timezone
        question = schedule.about_the_past(
            times=[shown(one, zone) for one in past],
            facts=[f"{config.performance_id} {one}" for one in past],
        )
        asked.append(question)
    return asked


def _about_beacon(config: QueueConfig) -> Iterator[schedule.Question]:
    """Ask where the queue would open before the value of the beacon that was announced is there."""
    found = queries.opening_before_beacon(config)
    if found is None or found.beacon_published_at is None:
        return
    at = shown(found.beacon_published_at, config.performance.concert.venue.timezone)
    yield schedule.Question(
        "opening_before_beacon",
        text(
            en=f"The draw may go on without its beacon, published at {at}.",
            ko=f"{at}에 공개되는 비콘 없이 추첨이 진행될 수 있습니다.",
        ),
        (f"{config.performance_id} {config.queue_opens_at} {found.beacon_published_at}",),
    )


def _mirror(config: QueueConfig, now: datetime) -> None:
    queries.drop_cached(config.performance_id)
    if not config.performance.is_public():
        return  # published later, the first who asks has it read
    try:
        queue_server.mirror_config(config=config, now_ms=clock.to_ms(now))
    except DependencyUnavailable:
        # The next tick mirrors it, and a server that comes back empty asks for it.
        log.warning("queue config not mirrored", extra={"performance": str(config.performance_id)})


def _as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
