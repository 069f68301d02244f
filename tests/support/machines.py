"""Machines with API keys."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from rest_framework.test import APIClient

from accounts.usecases import api_keys
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories

CHECK_IN = "checkins:write"


def make_key(
    *scopes: str,
    performances: Collection[UUID] = (),
    expires_at: datetime | None = None,
    now: datetime | None = None,
    key_id: UUID | None = None,
) -> str:
    """Make an API key, to check tickets in where nothing else is said."""
    return api_keys.make(
        key_id=key_id or uuid7(),
        name="gate 3",
        scopes=scopes or (CHECK_IN,),
        performance_ids=performances,
        expires_at=expires_at,
        actor_id=factories.make_user(is_staff=True).pk,
        reason="the doors",
        now=now or clock.now(),
    )


def machine(key: str) -> APIClient:
    """Return a client that sends an API key."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return client
