"""How often the site has failed in the last minute: responses with a status of 500 or more.

Note [Failed responses]
Staff who watch a sale want one number of the whole site, and no monitoring may be there to ask. So
every process counts its failures where it logs them, and once a second a thread of its own adds
them to a bucket of five seconds in the cache server. A process that never fails starts no thread
and sends nothing; one that fails thousands of times a second sends one small call a second. What
is lost with a process or the cache server is a second's count, and nothing decides by it. What the
gateway answers alone (502, 504) is not among them.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis

from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded

log = logging.getLogger(__name__)

WINDOW = timedelta(seconds=60)
_BUCKET, _KEPT = 5, 120  # seconds
_PAUSE_SECONDS = 1.0
_pending: Counter[tuple[int, str]] = Counter()  # by bucket and kind
_guard = threading.Lock()
_due = threading.Event()
_writer_of = 0  # process id


@dataclass(frozen=True, slots=True)
class FailedResponses:
    """Failures within `WINDOW`: `defects` (500), and all with a status of 500 or more."""

    defects: int
    all: int


def count(status: int, responses: int = 1) -> None:
    """Count responses of one status; those below 500 cost a comparison."""
    if status < 500:
        return
    with _guard:
        _pending[_bucket_now(), "defects" if status == 500 else "others"] += responses
    if _writer_of != os.getpid():
        _start()
    _due.set()


def in_last_minute(*, now: datetime) -> FailedResponses | None:
    """Return the failures of all processes; None while the cache server is unavailable."""
    last = int(now.timestamp()) // _BUCKET
    buckets = range(last - int(WINDOW.total_seconds()) // _BUCKET + 1, last + 1)
    keys = [_key(bucket, kind) for kind in ("defects", "others") for bucket in buckets]
    try:
        found = [int(one or 0) for one in guarded("cache", lambda server: server.mget(keys))]
    except DependencyUnavailable:
        return None
    return FailedResponses(defects=sum(found[: len(buckets)]), all=sum(found))


def flush() -> None:
    """Send what is counted. Raises DependencyUnavailable: it is kept while it counts."""
    with _guard:
        sent = dict(_pending)
        _pending.clear()
    if not sent:
        return
    try:
        guarded("cache", lambda server: _add(server, sent))
    except DependencyUnavailable:
        oldest = _bucket_now() - _KEPT // _BUCKET
        with _guard:
            _pending.update({one: number for one, number in sent.items() if one[0] >= oldest})
        raise


def _add(server: Redis, sent: Mapping[tuple[int, str], int]) -> None:
    pipeline = server.pipeline(transaction=False)
    for (bucket, kind), responses in sent.items():
        pipeline.incrby(_key(bucket, kind), responses)
        pipeline.expire(_key(bucket, kind), _KEPT)
    pipeline.execute()


def _after_fork() -> None:
    """Start from nothing in a child: a thread of the parent may have held the lock."""
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()
    _pending.clear()


os.register_at_fork(after_in_child=_after_fork)


def _start() -> None:
    global _writer_of  # noqa: PLW0603  (one thread a process)
    with _guard:
        if _writer_of == os.getpid():
            return
        _writer_of = os.getpid()
    threading.Thread(target=_send_forever, name="failed-responses", daemon=True).start()


def _send_forever() -> None:
    while True:
        _due.wait()
        _due.clear()
        time.sleep(_PAUSE_SECONDS)
        try:
            flush()
        except DependencyUnavailable:
            _due.set()  # what is counted goes with the next second's
        except Exception:
            log.exception("failures not counted")


def _bucket_now() -> int:
    return int(time.time()) // _BUCKET


def _key(bucket: int, kind: str) -> str:
    return f"fr:failed:{kind}:{bucket}"
