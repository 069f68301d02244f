"""Documents built once for everybody, and never put back old.

Note [Cached documents]
A document depends on named things ("catalogue", "layout:<performance>"). Each name has a marker in
the cache server (Note [Markers] in markers.py). An entry carries the markers it was built under and
is good only while they are the same; entry and markers come in one MGET. So:
- a write drops any number of entries by changing one marker (`invalidate_after_commit`), and an
  entry whose building began before the write is gone the moment it is stored;
- a rebuild reads a replica only once it has replayed the marker (Note [Replica reads]);
- a marker that was evicted is set anew from the primary's position.

Single flight: one thread of a process and one process of all (a short Redis lock) build a key.
Readers that come meanwhile get an entry that is merely of some age; one that a write has dropped
nobody gets, not even while the databases are away: staff may have withdrawn what it says. They
wait for the builder. A refusal (withdrawn, unknown) removes the entry and is shared with those who
waited, while the markers are the same: else a crowd at a withdrawn page would ask one by one.
Without the cache server each process builds for itself, behind the same in-process lock, and keeps
the result for a few seconds: without markers it can't learn of a change.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, connections
from prometheus_client import Counter
from psycopg_pool import PoolTimeout

from kernel.caching import markers as marking
from kernel.caching.responses import (
    Built,
    Document,
    Flights,
    LocalDocuments,
    SharedRefusals,
    decode,
    document_of,
    encode,
)
from kernel.db import replica
from kernel.db.failures import is_passing
from kernel.db.transaction import run_after_commit
from kernel.errors import DomainError
from kernel.ids import uuid7
from kernel.redis.breaker import PartUnavailable
from kernel.redis.clients import guarded

log = logging.getLogger(__name__)

reads = Counter(
    "frontrow_cached_documents_total",
    "Cached documents read, by kind and by where the answer came from",
    ["kind", "source"],
)
missed = Counter(
    "frontrow_cache_invalidations_missed_total",
    "Writes whose cache marker could not be left; the age of entries bounds the harm",
)

BUILDER_SECONDS = 5.0  # a builder that died is replaced after this
POLL_SECONDS = 0.02
ALONE = timedelta(seconds=5)  # for how long a process keeps what it built without the cache server
_DATABASE_FAILED = (DatabaseError, InterfaceError, PoolTimeout)

# Only the builder's own lock is removed: it may have run out and be another's by now.
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

local = LocalDocuments()
refusals = SharedRefusals()
_flights = Flights()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long documents of one kind live and where they are built from.

    Younger than `fresh` they are simply answered; then one reader rebuilds while others still get
    the old one, until `usable`, unless a write has dropped it. `from_replica` builds by stale
    reads. `keep_in_process` also keeps the bytes here, so that a hit asks the cache server for the
    markers only.
    """

    kind: str
    fresh: timedelta
    usable: timedelta
    from_replica: bool = True
    keep_in_process: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    recipe: Recipe
    key: str
    depends_on: tuple[str, ...]
    build: Callable[[], Built]
    now: datetime

    @property
    def entry_key(self) -> str:
        return f"fr:c:doc:{self.key}"

    @property
    def lock_key(self) -> str:
        return f"fr:c:build:{self.key}"

    def is_current(self, found: Document | None, markers: tuple[str, ...]) -> bool:
        return (
            found is not None
            and found.markers == markers
            and found.is_younger_than(self.recipe.fresh, self.now)
        )

    def is_usable(self, found: Document | None, markers: tuple[str, ...]) -> bool:
        return (
            found is not None
            and found.markers == markers
            and found.is_younger_than(self.recipe.usable, self.now)
        )

    def answer(self, document: Document, source: str) -> Document:
        reads.labels(self.recipe.kind, source).inc()
        return document


def read(
    recipe: Recipe,
    key: str,
    *,
    depends_on: Sequence[str],
    build: Callable[[], Built],
    now: datetime,
) -> Document:
    """Return the document of `key`, built by `build` where there is none that is current.

    A current one costs one call to the cache server and nothing else. Domain errors of `build`
    pass through, to those who waited as well; a database that is away is hidden by an entry still
    usable.
    """
    request = _Request(recipe, f"{recipe.kind}:{key}", tuple(depends_on), build, now)
    try:
        return _read_shared(request)
    except PartUnavailable:
        return _read_alone(request)


def invalidate_after_commit(*names: str) -> None:
    """Make documents that depend on `names` old once the open transaction has committed."""
    run_after_commit(lambda: invalidate(*names))


def invalidate(*names: str) -> bool:
    """Change the markers of `names`; call it after the commit.

    Never raises for a part that is away, as the write has happened: it says False, and unless it
    is called again the age of the entries bounds how long the old value is seen.
    """
    try:
        marking.write(names, replica.written())
    except (PartUnavailable, DatabaseError, InterfaceError, PoolTimeout) as error:
        missed.inc()
        log.warning("cache not invalidated", extra={"names": names, "error": repr(error)})
        return False
    return True


def _read_shared(request: _Request) -> Document:
    arrived = time.monotonic()
    found, markers = _look(request)
    if found is not None and request.is_current(found, markers):
        return request.answer(found, "cache")
    older = found if request.is_usable(found, markers) else None
    wait = 0.0 if older else BUILDER_SECONDS
    with _flights.boarding(request.key, wait_seconds=wait) as boarded:
        if older is not None and not boarded:
            return request.answer(older, "older")
        if older is None:  # whoever was ahead in this process has just built it
            found, markers = _look(request)
            if found is not None and request.is_current(found, markers):
                return request.answer(found, "waited")
            refusals.raise_if_later(request.key, markers, than=arrived)
        return _build_once_of_all(request, older, markers)


def _build_once_of_all(
    request: _Request, older: Document | None, markers: tuple[str, ...]
) -> Document:
    ticket = uuid7().hex
    milliseconds = int(BUILDER_SECONDS * 1000)
    mine = guarded(
        "cache", lambda server: server.set(request.lock_key, ticket, nx=True, px=milliseconds)
    )
    if not mine:
        if older is not None:
            return request.answer(older, "older")
        built = _await_builder(request)
        if built is not None:
            return request.answer(built, "waited")
    try:
        markers = _settled_markers(request, markers)
        document = document_of(_build(request, markers), built_at=request.now, markers=markers)
        _keep(request, document)
        return request.answer(document, "built")
    except _DATABASE_FAILED as error:
        if older is None or not is_passing(error):
            raise
        return request.answer(older, "older")
    except DomainError as refusal:
        refusals.keep(request.key, markers, refusal)
        _drop(request)
        raise
    finally:
        with suppress(PartUnavailable):
            guarded("cache", lambda server: server.eval(_UNLOCK, 1, request.lock_key, ticket))


def _await_builder(request: _Request) -> Document | None:
    """Return what another process is building; None when it takes too long or gave up."""
    deadline = time.monotonic() + BUILDER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        found, markers = _look(request)
        if request.is_current(found, markers):
            return found
        if not guarded("cache", lambda server: server.exists(request.lock_key)):
            return None
    return None


def _read_alone(request: _Request) -> Document:
    """Answer without the cache server: one build at a time in this process."""
    with _flights.boarding(request.key, wait_seconds=BUILDER_SECONDS):
        found = local.get(request.key)
        fresh = min(request.recipe.fresh, ALONE)
        if found is not None and found.is_younger_than(fresh, request.now):
            return request.answer(found, "process")
        document = document_of(_build(request, ()), built_at=request.now)
        local.put(request.key, document)
        return request.answer(document, "built_alone")


def _look(request: _Request) -> tuple[Document | None, tuple[str, ...]]:
    """Return the entry, whatever its age, and the markers now, in one call."""
    marker_keys = [marking.key_of(name) for name in request.depends_on]
    kept = local.get(request.key) if request.recipe.keep_in_process else None
    if kept is not None:
        markers = marking.texts(marking.values(marker_keys))
        if request.is_current(kept, markers):
            return kept, markers
    values = marking.values([request.entry_key, *marker_keys])
    found = decode(values[0]) if values[0] is not None else None
    if found is not None and request.recipe.keep_in_process:
        local.put(request.key, found)
    return found, marking.texts(values[1:])


def _settled_markers(request: _Request, markers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the markers, the missing and those of another history set from the primary."""
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
    except _DATABASE_FAILED as error:
        if not is_passing(error):
            raise
        return markers  # the entry stays current while the marker is absent, and no longer
    marking.fill(unsettled, position)
    return marking.read(request.depends_on)


def _build(request: _Request, markers: tuple[str, ...]) -> Built:
    """Build from the replica where it may answer; one that fails meanwhile gives way."""
    if request.recipe.from_replica:
        # Of several histories the greatest is one the replica doesn't follow, or all that matter.
        positions = [marking.parse(marker) for marker in markers if marker]
        with replica.stale_reads(after=max(positions, default=None)) as alias:
            try:
                return request.build()
            except _DATABASE_FAILED as error:
                if alias != replica.REPLICA or not is_passing(error):
                    raise
                connections[alias].close()
                replica.forget_health()
                replica.fallbacks.labels("failed").inc()
    with replica.primary_reads():
        return request.build()


def _keep(request: _Request, document: Document) -> None:
    if request.recipe.keep_in_process:
        local.put(request.key, document)
    milliseconds = int(request.recipe.usable.total_seconds() * 1000)
    with suppress(PartUnavailable):
        guarded(
            "cache",
            lambda server: server.set(request.entry_key, encode(document), px=milliseconds),
        )


def _drop(request: _Request) -> None:
    """Remove the entry of what is refused now, so that nobody meets it beside a builder."""
    local.drop(request.key)
    with suppress(PartUnavailable):
        guarded("cache", lambda server: server.delete(request.entry_key))
