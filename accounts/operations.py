"""Writes that require an open transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password

from accounts import queries, revocation
from accounts.models import AuditEntry, Session, User
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.telemetry import context


def record_audit(
    *,
    actor_id: UUID | None,
    action: str,
    target: str,
    reason: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Record what a member of staff did, in the transaction of the deed itself.

    `target` is `<type>:<key>` (see `kernel.audit.target_of`); `actor_id` is None for a command
    run on the server; `changes` may hold anything that JSON, UUIDs and datetimes can say.
    """
    require_transaction()
    target_type, _, target_id = target.partition(":")
    AuditEntry.objects.create(
        actor_id=actor_id,
        action=action,
        target_type=target_type,
        target_id=target_id,
        reason=reason,
        changes=dict(changes),
        request_id=context.current().request_id,
        created_at=now,
    )


def end_sessions(*, user_ids: Collection[UUID]) -> None:
    """Delete the users' sessions; their access tokens are revoked after the commit."""
    require_transaction()
    sids = queries.sids_of_users(user_ids)
    Session.objects.filter(sid__in=sids).delete()
    # Tokens without a session (`manage.py fans`) go by their owner's id.
    run_after_commit(lambda: revocation.revoke([*sids, *map(str, user_ids)]))


def add_people(*, emails: Mapping[UUID, str]) -> None:
    """Insert people without a password, by key, in bulk; addresses must be lower case."""
    require_transaction()
    # One unusable password for all: hashing nothing ten thousand times takes a second.
    nobody = make_password(None)
    User.objects.bulk_create(
        (User(pk=user_id, email=email, password=nobody) for user_id, email in emails.items()),
        batch_size=2000,
    )
