"""The use cases of API keys: make, revoke, write down their use."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Q

from accounts import api_keys, operations
from accounts.models import ApiKey
from kernel.db.transaction import run_after_commit, transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from kernel.telemetry import security_log

USE_WRITTEN_EVERY = timedelta(minutes=1)


class ExpiryInThePast(DomainError):
    """A key that expires before it is made opens nothing."""

    code = "expiry_in_the_past"
    kind = Kind.INVALID
    message = text(en="The key would have expired already.", ko="만료 시각이 이미 지났습니다.")


def make(
    *,
    key_id: UUID,
    name: str,
    scopes: Collection[str],
    performance_ids: Collection[UUID],
    expires_at: datetime | None,
    actor_id: UUID,
    reason: str,
    now: datetime,
) -> str:
    """Make a key and return it: it is never to be seen again. Raises `ExpiryInThePast`.

    No `performance_ids`: good at all performances; no `expires_at`: until it is revoked.
    """
    if expires_at is not None and expires_at <= now:
        raise ExpiryInThePast
    key = api_keys.new_key()
    with transaction():
        row = ApiKey.objects.create(
            pk=key_id,
            name=name,
            prefix=key[: api_keys.SHOWN],
            key_hash=api_keys.hash_of(key),
            scopes=sorted(scopes),
            performance_ids=sorted(str(one) for one in performance_ids),
            created_by=actor_id,
            created_at=now,
            expires_at=expires_at,
        )
        operations.record_audit(
            actor_id=actor_id,
            action="accounts.make_api_key",
            target=audit.target_of(row),
            reason=reason,
            changes={
                "name": name,
                "prefix": row.prefix,
                "scopes": row.scopes,
                "performance_ids": row.performance_ids,
                "expires_at": expires_at,
            },
            now=now,
        )
        security_log.record_after_commit("api_key_made", user_id=actor_id, key_id=row.pk)
    return key


def revoke(*, key_ids: Collection[UUID], actor_id: UUID, reason: str, now: datetime) -> int:
    """Revoke keys, for good; refused everywhere within two seconds. Return how many were good."""
    revoked = 0
    with transaction():
        for key_id in sorted(key_ids):
            rows = ApiKey.objects.filter(pk=key_id, revoked_at=None)
            if not rows.update(revoked_at=now):
                continue
            revoked += 1
            operations.record_audit(
                actor_id=actor_id,
                action="accounts.revoke_api_key",
                target=audit.target(ApiKey, key_id),
                reason=reason,
                changes={"revoked_at": {"from": None, "to": now}},
                now=now,
            )
            security_log.record_after_commit("api_key_revoked", user_id=actor_id, key_id=key_id)
            run_after_commit(partial(api_keys.keys_in_force.drop, key_id))
    return revoked


def record_use(*, key: api_keys.KnownKey, now: datetime) -> None:
    """Write down that a key was used, at most once a minute."""
    earlier = now - USE_WRITTEN_EVERY
    if key.last_used_at is not None and key.last_used_at > earlier:
        return
    with transaction():
        unwritten = Q(last_used_at=None) | Q(last_used_at__lte=earlier)
        ApiKey.objects.filter(unwritten, pk=key.machine.key_id).update(last_used_at=now)
