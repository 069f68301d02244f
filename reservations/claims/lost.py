"""Seats whose claims may be wrong, until the next tick has compared them (Note [Lost writes])."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast
from uuid import UUID

from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded

_KEY = "fr:lost_claims"
_KEPT_SECONDS = 24 * 3600
_MOST = 5_000  # seats of a tick


def remember(*, performance_id: UUID, seat_ids: Iterable[UUID]) -> None:
    """Remember seats in the cache Redis; without it the rule for stale claims has to do."""
    members = [f"{performance_id}|{seat_id}" for seat_id in seat_ids]
    if members:
        with suppress(DependencyUnavailable):
            guarded("cache", lambda server: server.sadd(_KEY, *members))
            guarded("cache", lambda server: server.expire(_KEY, _KEPT_SECONDS))


def take() -> dict[UUID, Sequence[UUID]]:
    """Return remembered seats by performance, and forget them; raises `DependencyUnavailable`."""
    found = guarded("cache", lambda server: cast("list[bytes]", server.spop(_KEY, _MOST)))
    taken: dict[UUID, list[UUID]] = defaultdict(list)
    for member in found or ():
        performance_id, _, seat_id = member.decode().partition("|")
        taken[UUID(performance_id)].append(UUID(seat_id))
    return dict(taken)
