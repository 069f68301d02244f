"""What one operation costs while what is around it grows: seats, members, reservations.

Each size is measured by turns with the smallest, so that other load on the machine meets both;
`of_smallest` is the ratio, and the server's own time per call and the pages that PostgreSQL looked
at say the same without a clock. Import once Django is set up.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import UUID

from django.db import connection
from redis import Redis

from accounts.models import User
from bench import scale
from bench.fixtures import make_hall, make_room, seat_ids
from bench.scale import pages
from catalogue import documents
from concerts.models import Performance
from kernel import clock
from kernel.errors import Busy
from kernel.ids import uuid7
from queueing import tokens
from queueing.errors import QueueUnavailable
from queueing.fan_requests import JoinRequest, PollRequest
from queueing.models import QueueProgress
from queueing.queue_server import keys_of
from queueing.usecases import waiting_room
from reservations import queries
from reservations.usecases import holds
from reservations.usecases.holds.errors import SeatTaken

_FILL = 2_000  # members written in one pipeline
_BATCH = 64

Operations = dict[str, Callable[[], Any]]


def measure(*, seats: list[int], members: list[int], rows: list[int], times: int) -> dict[str, Any]:
    """Return the costs of operations by the size of what is around them."""
    return {
        "times": times,
        "seats": _compared({n: _of_hall(n, times) for n in seats}, times),
        "members": _compared({n: _of_room(n) for n in members}, times),
        "reservations": scale.measure(rows[-1], times, counts=rows) if rows else None,
    }


def _compared(sizes: dict[int, Operations], times: int) -> dict[str, Any]:
    """Measure each operation at every size by turns."""
    smallest = min(sizes)
    took: dict[tuple[str, int], list[float]] = {}
    looked: dict[tuple[str, int], list[int]] = {}
    for _ in range(times):
        for size, operations in sizes.items():
            for name, work in operations.items():
                milliseconds, pages_looked_at = _cost(work)
                took.setdefault((name, size), []).append(milliseconds)
                looked.setdefault((name, size), []).append(pages_looked_at)
    found: dict[str, Any] = {}
    for (name, size), each in took.items():
        base = statistics.median(took[name, smallest])
        found.setdefault(name, {})[str(size)] = {
            "median_ms": round(statistics.median(each), 3),
            "of_smallest": round(statistics.median(each) / base, 2),
            "pages": round(statistics.median(looked[name, size])),
        }
    return found


def _cost(work: Callable[[], Any]) -> tuple[float, int]:
    """Return time in ms and pages of one call; a call that met a busy server is repeated."""
    for wait in (0.5, 1.0, 2.0, 4.0, 0.0):
        before, begun = pages(), time.perf_counter()
        try:
            work()
        except (QueueUnavailable, Busy):
            if not wait:
                raise
            time.sleep(wait)
        else:
            return (time.perf_counter() - begun) * 1000, pages() - before
    raise AssertionError("the last try raises")


def _of_hall(seats: int, times: int) -> Operations:
    performance = make_hall(seats)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE reservations_seatinventory")
    ids = seat_ids(performance)
    fans = _fans(f"hall{seats}")
    taken = ids[0]
    _hold(performance, next(fans), taken)
    step = max(1, len(ids) // (times + 2))
    free = iter(ids[1::step])

    def lose() -> None:
        try:
            _hold(performance, next(fans), taken)
        except SeatTaken:
            return
        raise RuntimeError("a taken seat was held")

    def look() -> bytes:
        found = queries.availability(performance_id=performance.pk, now=clock.now())
        assert found is not None
        return documents.encode(documents.availability(found))

    return {
        "hold": lambda: _hold(performance, next(fans), next(free)),
        "hold of a taken seat": lose,
        "availability, built": look,
    }


def _hold(performance: Performance, user_id: UUID, seat: UUID) -> None:
    holds.place(
        user_id=user_id,
        performance_id=performance.pk,
        seat_ids=[seat],
        reservation_id=uuid7(),
        queue_token=None,
        now=clock.now(),
    )


def _fans(prefix: str) -> Iterator[UUID]:
    for number in count():
        yield User.objects.create_user(f"{prefix}-{number}@example.com", None).pk


def _of_room(members: int) -> Operations:
    performance = make_room(rate_per_second=1, capacity=1)
    first = uuid7()
    waiting_room.join(user_id=first, performance_id=performance.pk, token=None, now=clock.now())
    waiting = _fill_room(performance, members)
    now = clock.now()
    joined_ms = clock.to_ms(now)
    polls = iter(range(10**9))

    def poll_requests(number: int) -> list[PollRequest]:
        found = []
        for _ in range(number):
            place = next(polls) * 7919 % members
            token = tokens.sign_token(
                user_id=waiting(place),
                performance_id=performance.pk,
                number=place + 2,
                epoch=1,
                joined_ms=joined_ms,
                now=now,
            )
            found.append(PollRequest(waiting(place), token))
        return found

    def join(number: int) -> None:
        requests = [JoinRequest(uuid7()) for _ in range(number)]
        _sure(
            waiting_room.join_many(
                performance_id=performance.pk, requests=requests, now=clock.now()
            )
        )

    def poll(requests: list[PollRequest]) -> None:
        _sure(
            waiting_room.poll_many(
                performance_id=performance.pk, requests=requests, now=clock.now()
            )
        )

    return {
        "join": lambda: join(1),
        f"join, {_BATCH} at once": lambda: join(_BATCH),
        "own poll": lambda: poll(poll_requests(1)),
        f"own poll, {_BATCH} at once": lambda: poll(poll_requests(_BATCH)),
        "tick": lambda: waiting_room.advance(now=clock.now()),
    }


def _sure(outcomes: list[Any]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def _fill_room(performance: Performance, members: int) -> Callable[[int], UUID]:
    """Put members into a room as the functions would have; return who has which place."""
    prefix = uuid7().hex[:20]

    def user(place: int) -> UUID:
        return UUID(f"{prefix}{place:012d}")

    _, state, waiting, _, places, _ = keys_of(performance.pk)
    # A connection of its own: the product's give up a reply that takes longer than a request.
    server = Redis.from_url(os.environ["REDIS_QUEUE_URL"])
    joined = clock.to_ms(clock.now())
    for begin in range(0, members, _FILL):
        part = range(begin, min(begin + _FILL, members))
        pipeline = server.pipeline(transaction=False)
        pipeline.zadd(waiting, {str(user(n)): n + 2 for n in part})
        pipeline.hset(places, mapping={str(user(n)): f"{n + 2} W 0 {joined}" for n in part})
        pipeline.execute()
    top = members + 1
    ceiling = top + 1_000_000
    QueueProgress.objects.filter(performance=performance).update(number_ceiling=ceiling)
    server.hset(state, mapping={"next": top, "ceiling": ceiling})
    return user
