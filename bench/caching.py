"""What a cached document costs: a hit against its bare bytes, a crowd at a cold one, availability.

`seat_map`: through the API, by turns with a bare Django view that sends the same bytes. The rest is
in process. Import once Django is set up.
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.db import connections

from accounts.models import User
from bench.environment import milliseconds
from bench.fixtures import make_hall, seat_ids
from bench.load_client import Job
from bench.pairs import Bar, Seen, compare
from bench.play import Player
from bench.requests import request
from bench.server import API, serve
from bench.speed import BASELINE, BASELINE_KEY, CONNECTIONS
from catalogue import cache, documents
from catalogue.seat_plans import seat_plan
from concerts.models import Performance
from concerts.store import layout_dependency
from kernel import clock
from kernel.caching import shared
from kernel.caching.responses import Rendered
from kernel.ids import uuid7
from kernel.redis.clients import client
from reservations import queries as reservations
from reservations.usecases import holds

READERS = 32


def measure(folder: Path, *, seats: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Return the figures of a hall with so many seats."""
    performance = make_hall(seats)
    return {
        "seats": seats,
        "readers": READERS,
        "seat_map": _seat_map(performance, folder, seconds, rounds),
        "in_process": _in_process(performance),
        "cold": _cold(performance),
        "availability": _availability(performance, seconds),
    }


def _seat_map_built(performance: Performance) -> Rendered:
    plan = seat_plan(performance.pk)
    return Rendered(documents.encode(documents.seat_map(plan)), cache.DAY_LONG)


def _seat_map(
    performance: Performance, folder: Path, seconds: float, rounds: int
) -> dict[str, Any]:
    body = _seat_map_built(performance).body
    client("queue").set(BASELINE_KEY, body)
    player = Player(folder)
    path = f"/api/v1/performances/{performance.pk}/seatmap/"
    with ExitStack() as stack:
        baseline, api = (stack.enter_context(serve(name, folder)) for name in (BASELINE, API))

        def bare() -> Seen:
            asked = [request("GET", "/baseline/")]
            job = Job(baseline.port, asked, CONNECTIONS, seconds)
            return player.play(job, expected=200, server=baseline)

        def hit() -> Seen:
            job = Job(api.port, [request("GET", path)], CONNECTIONS, seconds)
            return player.play(job, expected=200, server=api)

        bare()
        hit()
        found = compare(Bar("seat map", 0.33, hit, bare), rounds)
    return {"bytes": len(body), **found}


def _in_process(performance: Performance) -> dict[str, Any]:
    """Return what one read costs, by where the document is found."""

    def read() -> Any:
        return _read_map(performance, lambda: _seat_map_built(performance))

    def from_the_cache_server() -> None:
        shared.local.clear()
        read()

    def after_a_change() -> None:
        shared.invalidate(layout_dependency(performance.pk))
        read()

    read()
    return {
        "built": milliseconds(lambda: _seat_map_built(performance), times=10),
        "after a change": milliseconds(after_a_change, times=10),
        "from the cache server": milliseconds(from_the_cache_server, times=50),
        "from the process": milliseconds(read, times=500),
    }


def _read_map(performance: Performance, build: Callable[[], Rendered]) -> Any:
    return cache.read(
        cache.SEAT_MAP,
        str(performance.pk),
        build=build,
        now=clock.now(),
        layout_of=performance.pk,
    )


def _cold(performance: Performance) -> dict[str, Any]:
    """Return how often a document is built for a crowd that comes together after a change."""
    built: list[float] = []

    def build() -> Rendered:
        built.append(time.perf_counter())
        return _seat_map_built(performance)

    shared.invalidate(layout_dependency(performance.pk))
    barrier = threading.Barrier(READERS)
    took: list[float] = []

    def read() -> None:
        try:
            barrier.wait()
            begun = time.perf_counter()
            _read_map(performance, build)
            took.append((time.perf_counter() - begun) * 1000)
        finally:
            connections.close_all()

    _together(READERS, read)
    return {"readers": READERS, "builds": len(built), "slowest_ms": round(max(took), 1)}


def _availability(performance: Performance, seconds: float) -> dict[str, Any]:
    """Return reads and builds a second, and the oldest document seen, while seats change."""
    built, reads, ages = [], [], []
    until = time.monotonic() + seconds
    seats = iter(seat_ids(performance))

    def build() -> Rendered:
        built.append(clock.now())
        found = reservations.availability(performance_id=performance.pk, now=clock.now())
        assert found is not None
        return Rendered(documents.encode(documents.availability(found)), cache.SECOND_LONG)

    def read() -> None:
        count, oldest = 0, 0.0
        try:
            while time.monotonic() < until:
                cache.read(
                    cache.AVAILABILITY,
                    str(performance.pk),
                    build=build,
                    now=clock.now(),
                    has_words=False,
                )
                count += 1
                if built:
                    oldest = max(oldest, (clock.now() - built[-1]).total_seconds())
        finally:
            reads.append(count)
            ages.append(oldest)
            connections.close_all()

    def change() -> None:
        try:
            while time.monotonic() < until:
                holds.place(
                    user_id=User.objects.create_user(f"{uuid7()}@example.com", None).pk,
                    performance_id=performance.pk,
                    seat_ids=[next(seats)],
                    reservation_id=uuid7(),
                    queue_token=None,
                    now=clock.now(),
                )
                time.sleep(0.05)
        finally:
            connections.close_all()

    holder = threading.Thread(target=change)
    holder.start()
    _together(8, read)
    holder.join()
    return {
        "reads_a_second": round(sum(reads) / seconds),
        "builds_a_second": round(len(built) / seconds, 1),
        "reads_a_build": round(sum(reads) / max(1, len(built))),
        "oldest_build_s": round(max(ages), 2),
    }


def _together(number: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
