"""What tests of the catalogue start from and read: nothing kept, a document, concerts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from concerts.models import Concert, Performance
from kernel import clock
from kernel.caching import markers, shared
from kernel.caching.request import CachePolicy
from kernel.caching.responses import Document, Rendered
from kernel.db import replica
from kernel.db.transaction import transaction
from kernel.redis.clients import breaker
from tests.support import factories
from tests.support.waiting import await_that

NOW = clock.now()
RECIPE = CachePolicy("test", fresh_for=timedelta(seconds=30), stale_for=timedelta(minutes=5))
IN_PROCESS = CachePolicy(
    "kept", fresh_for=timedelta(hours=1), stale_for=timedelta(hours=2), keep_in_process=True
)


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


def read(build: Callable[[], bytes], *, policy: CachePolicy = RECIPE, later: float = 0) -> Document:
    """Read the document, `later` seconds from now; `build` is called if it is to be built."""
    now = clock.now() + timedelta(seconds=later)
    return shared.read(
        policy, "one", depends_on=("thing",), build=lambda: Rendered(build(), "no-cache"), now=now
    )


def changed() -> None:
    """Commit a change of what the document depends on."""
    with transaction():
        Concert.objects.update(title_en="touched")  # anything that moves the WAL
        shared.invalidate_after_commit("thing")


def marker() -> str:
    """Return the marker of what the document depends on."""
    return markers.read(["thing"])[0]


def await_replica() -> int:
    """Wait until the replica has all that was written; return the position of that."""
    position = replica.write_position()

    def has_replayed() -> bool:
        replica.forget_health()
        with replica.stale_reads(after=position) as alias:
            return alias == replica.REPLICA

    await_that(has_replayed, "the replica has replayed what was written")
    return position


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
