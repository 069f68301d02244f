"""How late fans are admitted, against the ideal schedule of the room's rate.

The room is a function of time that moves with every request, so the lateness is that of the next
poll. A crowd waits, pollers send `--polls` requests a second in all and a tick comes every second,
until everybody is admitted. The n-th fan is due when the rate has earned n admissions. Import once
Django is set up.
"""

import itertools
import random
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from bench.fixtures import make_room
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import client
from queueing.usecases import waiting_room

POLLERS = 4
GRACE_SECONDS = 600


def measure(fans: int, rate: int, polls: int) -> dict[str, Any]:
    """Return the lateness of admissions in ms (p50, p99, maximum) and the number of polls."""
    opens = clock.now() + timedelta(seconds=20)
    performance = make_room(
        admission_opens_at=opens,
        rate_per_second=rate,
        capacity=fans + POLLERS * 8,
        grace_seconds=GRACE_SECONDS,
    )
    places: dict[UUID, str] = {}
    for _ in range(fans):
        join(performance.pk, places)
    if clock.now() >= opens:
        raise RuntimeError("the crowd was not there in time: fewer fans")
    done, asked = threading.Event(), itertools.count()
    while clock.now() < opens:
        time.sleep(0.001)
    # The pollers join after the opening, so they stand behind all whose admission is measured.
    back = [join(performance.pk, places) for _ in range(POLLERS * 8)]

    def poll(seed: int) -> None:
        chance = random.Random(seed)
        while not done.wait(chance.expovariate(polls / POLLERS)):
            next(asked)
            user = chance.choice(back)
            waiting_room.poll(
                user_id=user,
                performance_id=performance.pk,
                token=places[user],
                now=clock.now(),
            )
        connections.close_all()

    def tick() -> None:
        while not done.wait(1):
            waiting_room.advance(now=clock.now())
        connections.close_all()

    threads = [threading.Thread(target=poll, args=(n,)) for n in range(POLLERS)]
    threads.append(threading.Thread(target=tick))
    for thread in threads:
        thread.start()
    tag = f"fr:q:{{{performance.pk}}}:"
    deadline = time.monotonic() + 30 + 2 * fans / rate
    while client("queue").zcard(tag + "waiting") and time.monotonic() < deadline:
        time.sleep(0.2)
    done.set()
    for thread in threads:
        thread.join()
    polled = {str(user) for user in back}
    # An admitted fan's deadline is the moment of admission and the grace, until the fan is seen.
    admitted = sorted(
        int(until) - GRACE_SECONDS * 1000
        for user, until in client("queue").zrange(tag + "active", 0, -1, withscores=True)
        if user.decode() not in polled
    )
    opened = clock.to_ms(opens)
    late = sorted(at - opened - (n + 1) * 1000 / rate for n, at in enumerate(admitted))
    return {
        "admitted": len(admitted),
        "rate_per_second": rate,
        "polls": next(asked),
        "late_p50_ms": round(late[len(late) // 2], 1),
        "late_p99_ms": round(late[len(late) * 99 // 100], 1),
        "late_most_ms": round(late[-1], 1),
    }


def join(performance_id: UUID, places: dict[UUID, str]) -> UUID:
    """Let a new fan join, and keep the token."""
    user = uuid7()
    places[user] = waiting_room.join(
        user_id=user, performance_id=performance_id, token=None, now=clock.now()
    ).token
    return user
