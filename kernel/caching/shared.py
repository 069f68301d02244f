"""The shared cache of documents: each is built once for everybody, and an old one never returns.

Note [Cached documents]
A document depends on named things ("catalogue", "layout:<performance>"). Each name has a marker in
the cache server (Note [Markers] in markers.py). An entry carries the markers it was built under and
is valid only while they are the same; entry and markers come in one MGET. So:
- a write drops any number of entries by changing one marker (`invalidate_after_commit`), and an
  entry whose build began before the write is invalid the moment it is stored;
- a rebuild reads a replica only once it has replayed the marker (Note [Replica reads]);
- a marker that was evicted is set again from the primary's position.

Single flight: one thread of a process and one process of all (a short Redis lock) build a key.
Readers that come meanwhile get an entry that is merely old. Nobody gets one that a write has
dropped, not even while the databases are unavailable, as staff may have withdrawn what it says:
readers wait for the builder. A refusal (withdrawn, unknown) removes the entry and is shared with
the readers who waited, while the markers are the same: otherwise a crowd at a withdrawn page would
ask the database one by one. Without the cache server each process builds for itself, behind the
same in-process lock, and keeps the result for a few seconds: without markers it cannot learn of a
change.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import connections
from prometheus_client import Counter

from kernel.caching import markers as marking
from kernel.caching.in_process import LocalDocuments, SharedRefusals
from kernel.caching.request import CachePolicy, CacheRequest
from kernel.caching.responses import Document, Rendered, decode, document_of, encode
from kernel.caching.single_flight import SingleFlight
from kernel.db import replica
from kernel.db.failures import DATABASE_ERRORS, is_passing
from kernel.db.transaction import run_after_commit
from kernel.errors import DomainError
from kernel.ids import uuid7
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded

log = logging.getLogger(__name__)

missed = Counter(
    "frontrow_cache_invalidations_missed_total",
    "Writes whose cache marker could not be left; the age of entries bounds the harm",
)

BUILDER_SECONDS = 5.0  # after this a builder is taken for dead, and another one builds
POLL_SECONDS = 0.02
ALONE = timedelta(seconds=5)  # a process keeps so long what it built without the cache server

# Removes only the builder's own lock: it may have expired, and be another builder's by now.
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

local = LocalDocuments()
refusals = SharedRefusals()
_single_flight = SingleFlight()


def read(
    policy: CachePolicy,
    key: str,
    *,
    depends_on: Sequence[str],
    build: Callable[[], Rendered],
    now: datetime,
) -> Document:
    """Return the document of `key`; call `build` where none is current.

    A current one costs one call to the cache server and nothing else. Domain errors of `build`
    pass through, to the readers who waited as well. While the database is unavailable, an entry not
    older than `stale_for` is returned.
    """
    request = CacheRequest(policy, f"{policy.kind}:{key}", tuple(depends_on), build, now)
    try:
        return _read_shared(request)
    except DependencyUnavailable:
        return _read_alone(request)


def invalidate_after_commit(*names: str) -> None:
    """Drop the documents that depend on `names` once the open transaction has committed."""
    run_after_commit(lambda: invalidate(*names))


def invalidate(*names: str) -> bool:
    """Change the markers of `names`; call it after the commit.

    Returns False, and never raises, where a dependency is unavailable, as the write has happened:
    unless it is called again, the age of the entries bounds how long the old value is seen.
    """
    try:
        marking.write(names, replica.written())
    except (DependencyUnavailable, *DATABASE_ERRORS) as error:
        missed.inc()
        log.warning("cache not invalidated", extra={"names": names, "error": repr(error)})
        return False
    return True


def _read_shared(request: CacheRequest) -> Document:
    """Return the document by way of the cache server (Note [Cached documents])."""
    arrived = time.monotonic()
    # 1. A hit: one round trip, no lock, no database. Nearly every reader ends here.
    found, markers = _look_up(request)
    if found is not None and request.is_current(found, markers):
        return request.counted(found, "cache")
    # 2. An old entry that no write has dropped: only the first reader of this process goes on to
    # rebuild it, without keeping the others waiting.
    older = found if request.is_usable(found, markers) else None
    wait = 0.0 if older else BUILDER_SECONDS
    with _single_flight.acquire(request.key, wait_seconds=wait) as is_first:
        if older is not None and not is_first:
            return request.counted(older, "older")
        # 3. Nothing to return: this reader has waited for the one before it, which has built the
        # document or met a refusal by now. Both are as good as its own.
        if older is None:
            found, markers = _look_up(request)
            if found is not None and request.is_current(found, markers):
                return request.counted(found, "waited")
            refusals.raise_if_later(request.key, markers, than=arrived)
        # 4. The first reader of this process builds, unless another process does already.
        return _build_once_of_all(request, older, markers)


def _build_once_of_all(
    request: CacheRequest, older: Document | None, markers: tuple[str, ...]
) -> Document:
    token = uuid7().hex
    milliseconds = int(BUILDER_SECONDS * 1000)
    is_builder = guarded(
        "cache", lambda server: server.set(request.lock_key, token, nx=True, px=milliseconds)
    )
    if not is_builder:
        if older is not None:
            return request.counted(older, "older")
        built = _await_builder(request)
        if built is not None:
            return request.counted(built, "waited")
    try:
        markers = _settled_markers(request, markers)
        document = document_of(_build(request, markers), built_at=request.now, markers=markers)
        _keep(request, document)
        return request.counted(document, "built")
    except DATABASE_ERRORS as error:
        if older is None or not is_passing(error):
            raise
        return request.counted(older, "older")
    except DomainError as refusal:
        refusals.keep(request.key, markers, refusal)
        _drop(request)
        raise
    finally:
        with suppress(DependencyUnavailable):
            guarded("cache", lambda server: server.eval(_UNLOCK, 1, request.lock_key, token))


def _await_builder(request: CacheRequest) -> Document | None:
    """Return what another process is building; None where it takes too long or gave up."""
    deadline = time.monotonic() + BUILDER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        found, markers = _look_up(request)
        if request.is_current(found, markers):
            return found
        if not guarded("cache", lambda server: server.exists(request.lock_key)):
            return None
    return None


def _read_alone(request: CacheRequest) -> Document:
    """Return the document without the cache server: one build at a time in this process."""
    with _single_flight.acquire(request.key, wait_seconds=BUILDER_SECONDS):
        found = local.get(request.key)
        fresh = min(request.policy.fresh_for, ALONE)
        if found is not None and found.is_younger_than(fresh, request.now):
            return request.counted(found, "process")
        document = document_of(_build(request, ()), built_at=request.now)
        local.put(request.key, document)
        return request.counted(document, "built_alone")


def _look_up(request: CacheRequest) -> tuple[Document | None, tuple[str, ...]]:
    """Return the entry, whatever its age, and the markers now, in one call."""
    marker_keys = [marking.key_of(name) for name in request.depends_on]
    kept = local.get(request.key) if request.policy.keep_in_process else None
    if kept is not None:
        markers = marking.texts(marking.values(marker_keys))
        if request.is_current(kept, markers):
            return kept, markers
    values = marking.values([request.entry_key, *marker_keys])
    found = decode(values[0]) if values[0] is not None else None
    if found is not None and request.policy.keep_in_process:
        local.put(request.key, found)
    return found, marking.texts(values[1:])


def _settled_markers(request: CacheRequest, markers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the markers; set the missing ones, and those of another history, from the primary."""
    history = replica.known_history()
    unsettled = [
        name
        for name, marker in zip(request.depends_on, markers, strict=True)
        if not marker or (history and marking.parse(marker).history != history)
    ]
    if not unsettled:
        return markers
    try:
        position = replica.written()
    except DATABASE_ERRORS as error:
        if not is_passing(error):
            raise
        return markers  # the entry stays current while the marker is absent, and no longer
    marking.fill(unsettled, position)
    return marking.read(request.depends_on)


def _build(request: CacheRequest, markers: tuple[str, ...]) -> Rendered:
    """Build from the replica where it is recent enough; from the primary if that fails."""
    if request.policy.from_replica:
        # Of several histories the greatest is one the replica doesn't follow, or all that matter.
        positions = [marking.parse(marker) for marker in markers if marker]
        with replica.stale_reads(after=max(positions, default=None)) as alias:
            try:
                return request.build()
            except DATABASE_ERRORS as error:
                if alias != replica.REPLICA or not is_passing(error):
                    raise
                connections[alias].close()
                replica.forget_health()
                replica.fallbacks.labels("failed").inc()
    with replica.primary_reads():
        return request.build()


def _keep(request: CacheRequest, document: Document) -> None:
    if request.policy.keep_in_process:
        local.put(request.key, document)
    milliseconds = int(request.policy.stale_for.total_seconds() * 1000)
    with suppress(DependencyUnavailable):
        guarded(
            "cache",
            lambda server: server.set(request.entry_key, encode(document), px=milliseconds),
        )


def _drop(request: CacheRequest) -> None:
    """Remove the entry of what is refused now, so that no reader gets it beside a builder."""
    local.drop(request.key)
    with suppress(DependencyUnavailable):
        guarded("cache", lambda server: server.delete(request.entry_key))
