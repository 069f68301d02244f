"""The use cases of endpoints: register, change, remove, renew the secret, disable, hand over."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import ApiKey
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from webhooks import locking, operations, policy, queries, signing
from webhooks.errors import WebhookEndpointBlocked, WebhookEndpointLimit, WebhookUrlRefused
from webhooks.models import WebhookEndpoint
from webhooks.queries import EndpointDetail, WebhookOwner
from webhooks.targets import TargetRefused, target_of

_SCOPE = ApiKey.Scope.WEBHOOKS_MANAGE


class NoSuchWebhookKey(DomainError):
    """There is no API key in force with this id and the scope `webhooks:manage`."""

    code = "no_such_webhook_key"
    kind = Kind.INVALID
    message = text(
        en="No API key in force has this id and may manage webhooks.",
        ko="웹훅 관리 권한이 있는 유효한 API 키가 아닙니다.",
    )


def register(
    *, owner: WebhookOwner, url: str, event_types: Collection[str], now: datetime
) -> EndpointDetail:
    """Register an endpoint and return it with its secret, which is never to be seen again.

    Raises `WebhookUrlRefused` and `WebhookEndpointLimit`.
    """
    _check(url)
    secret = signing.new_secret()
    with transaction():
        locking.lock_owner(owner)
        if queries.endpoints_of(owner).count() >= policy.ENDPOINTS_PER_OWNER:
            raise WebhookEndpointLimit(limit=policy.ENDPOINTS_PER_OWNER)
        row = WebhookEndpoint.objects.create(
            user_id=owner.user_id,
            api_key_id=owner.api_key_id,
            performance_ids=sorted(str(one) for one in owner.performances),
            url=url,
            event_types=sorted(set(event_types)),
            secret=signing.sealed(secret),
            created_at=now,
        )
        _record(owner, "register", row, {"url": url, "event_types": row.event_types}, now)
    return queries.endpoint_detail(row, now=now, secret=secret)


def change(
    *, endpoint_id: UUID, owner: WebhookOwner, changes: Mapping[str, Any], now: datetime
) -> EndpointDetail:
    """Change `url`, `event_types` and `enabled`, those that are given.

    A new URL, and to enable, begin without the failures of before. Raises
    `WebhookEndpointNotFound`, `WebhookUrlRefused` and `WebhookEndpointBlocked`.
    """
    if "url" in changes:
        _check(changes["url"])
    with transaction():
        row = locking.lock_endpoint(endpoint_id=endpoint_id, owner=owner)
        before = {name: getattr(row, name) for name in changes}
        was_enabled, url = row.enabled, row.url
        row.url = changes.get("url", row.url)
        row.event_types = sorted(set(changes.get("event_types", row.event_types)))
        row.save(update_fields=["url", "event_types"])
        enabled = changes.get("enabled", was_enabled)
        if enabled and not was_enabled and row.disabled_by == WebhookEndpoint.DisabledBy.STAFF:
            raise WebhookEndpointBlocked
        if enabled and (not was_enabled or row.url != url):
            operations.enable(row)
        elif was_enabled and not enabled:
            operations.disable(
                row,
                by=WebhookEndpoint.DisabledBy.OWNER,
                actor_id=owner.user_id,
                reason="",
                changes={"api_key_id": owner.api_key_id},
                now=now,
            )
        diff = {name: {"from": before[name], "to": getattr(row, name)} for name in changes}
        _record(owner, "change", row, diff, now)
    return queries.endpoint_detail(row, now=now)


def remove(*, endpoint_id: UUID, owner: WebhookOwner, now: datetime) -> None:
    """Remove an endpoint; what waits for it is given up. Raises `WebhookEndpointNotFound`."""
    with transaction():
        row = locking.lock_endpoint(endpoint_id=endpoint_id, owner=owner)
        row.deleted_at = now
        # Nobody signs with them any more.
        row.secret, row.former_secret, row.former_until = "", "", None
        row.save(update_fields=["deleted_at", "secret", "former_secret", "former_until"])
        _record(owner, "remove", row, {"url": row.url}, now)


def rotate_secret(*, endpoint_id: UUID, owner: WebhookOwner, now: datetime) -> EndpointDetail:
    """Renew the secret and return the endpoint with it, never to be seen again.

    The former one goes on signing beside it for a day. Raises `WebhookEndpointNotFound`.
    """
    secret = signing.new_secret()
    with transaction():
        row = locking.lock_endpoint(endpoint_id=endpoint_id, owner=owner)
        row.former_secret = row.secret
        row.former_until = now + policy.FORMER_SECRET_IS_GOOD_FOR
        row.secret = signing.sealed(secret)
        row.save(update_fields=["secret", "former_secret", "former_until"])
        _record(owner, "rotate_secret", row, {"former_until": row.former_until}, now)
    return queries.endpoint_detail(row, now=now, secret=secret)


def disable(*, endpoint_ids: Collection[UUID], actor_id: UUID, reason: str, now: datetime) -> int:
    """Let staff disable endpoints; return how many were enabled."""
    with transaction():
        rows = [row for row in locking.lock_endpoints(endpoint_ids) if row.enabled]
        for row in rows:
            operations.disable(
                row,
                by=WebhookEndpoint.DisabledBy.STAFF,
                actor_id=actor_id,
                reason=reason,
                changes={},
                now=now,
            )
    return len(rows)


def enable(*, endpoint_ids: Collection[UUID], actor_id: UUID, reason: str, now: datetime) -> int:
    """Let staff enable endpoints again; return how many were disabled."""
    with transaction():
        rows = [row for row in locking.lock_endpoints(endpoint_ids) if not row.enabled]
        for row in rows:
            operations.enable(row)
            audit.record(
                actor_id=actor_id,
                action="webhooks.enable_endpoint",
                target=audit.target_of(row),
                reason=reason,
                changes={},
                now=now,
            )
    return len(rows)


def hand_over(
    *,
    endpoint_ids: Collection[UUID],
    api_key_id: UUID,
    actor_id: UUID,
    reason: str,
    now: datetime,
) -> int:
    """Give endpoints to an API key, with that key's performances, such as the successor of theirs.

    Return how many. Raises `NoSuchWebhookKey`.
    """
    with transaction():
        key = ApiKey.objects.filter(pk=api_key_id, revoked_at=None).first()
        is_over = key is None or (key.expires_at is not None and key.expires_at <= now)
        if key is None or is_over or _SCOPE not in key.scopes:
            raise NoSuchWebhookKey
        rows = locking.lock_endpoints(endpoint_ids)
        for row in rows:
            before = {"user_id": row.user_id, "api_key_id": row.api_key_id}
            row.user_id, row.api_key_id = None, key.pk
            row.performance_ids = key.performance_ids
            row.save(update_fields=["user_id", "api_key_id", "performance_ids"])
            audit.record(
                actor_id=actor_id,
                action="webhooks.hand_over_endpoint",
                target=audit.target_of(row),
                reason=reason,
                changes={"from": before, "to": {"api_key_id": key.pk}},
                now=now,
            )
    return len(rows)


def _check(url: str) -> None:
    try:
        target_of(url)
    except TargetRefused as refusal:
        raise WebhookUrlRefused(why=str(refusal)) from refusal


def _record(
    owner: WebhookOwner, verb: str, row: WebhookEndpoint, changes: Mapping[str, Any], now: datetime
) -> None:
    audit.record(
        actor_id=owner.user_id,
        action=f"webhooks.{verb}_endpoint",
        target=audit.target_of(row),
        reason="",
        changes={"api_key_id": owner.api_key_id, **changes},
        now=now,
    )
