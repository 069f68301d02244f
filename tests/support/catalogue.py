"""Start each catalogue test with nothing kept in the process."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.caching import shared
from kernel.redis.clients import breaker


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
