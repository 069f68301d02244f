"""Audit entries: what staff did, recorded from any layer.

The table belongs to `accounts`, which lies above some apps that staff act on (events,
idempotency), so the writer is found by the setting `AUDIT_WRITER`, like the event consumers.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model
from django.utils.module_loading import import_string


def record(
    *,
    actor_id: UUID | None,
    action: str,
    target: str,
    reason: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Record one audit entry; requires an open transaction, the one of the change itself.

    `action` is `<app>.<verb>`, `target` as `target_of` gives it, `changes` JSON-ready.
    """
    _writer()(
        actor_id=actor_id,
        action=action,
        target=target,
        reason=reason,
        changes=changes,
        now=now,
    )


def target(model: type[Model], key: object) -> str:
    """Return how an audit entry names the row of `model` with this key: `<app>.<model>:<key>`."""
    return f"{model._meta.label_lower}:{key}"


def target_of(row: Model) -> str:
    """Return how an audit entry names a row."""
    return target(type(row), row.pk)


@cache
def _writer() -> Callable[..., None]:
    writer: Callable[..., None] = import_string(settings.AUDIT_WRITER)
    return writer
