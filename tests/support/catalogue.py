"""What tests of the catalogue start from and read: nothing kept, concerts, a stopped server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from concerts.models import Performance
from kernel import clock
from kernel.caching import shared
from kernel.redis.clients import breaker
from tests.support import factories


def forget_documents() -> None:
    """Drop what this process keeps of cached documents, as a new process would begin."""
    shared.local.clear()
    shared.refusals.clear()


@contextmanager
def stopped(parts, name: str) -> Iterator[None]:
    """Stop a real server for the block, then start it and close this process's breaker."""
    part = parts.part(name)
    part.stop()
    try:
        yield
    finally:
        part.start()
        if name in ("cache", "lock", "queue"):
            breaker(name).reset()


NOW = clock.now()


def titles(api, query: str = "") -> list[str]:
    """Return the titles of the concerts that a query finds, in English and in its order."""
    answer = api.get(f"/api/v1/concerts/{query}", headers={"accept-language": "en"})
    assert answer.status_code == 200, answer.content
    return [concert["title"] for concert in answer.json()["results"]]


def in_days(days: int, **concert) -> Performance:
    """Make a performance that starts that many days after `NOW`, of a concert of its own."""
    performance = factories.make_performance(seats=2, concert=factories.make_concert(**concert))
    Performance.objects.filter(pk=performance.pk).update(starts_at=NOW + timedelta(days=days))
    return performance
