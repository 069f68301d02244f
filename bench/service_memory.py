"""The memory of the service over many requests of every kind that it sees, which should stay flat.

Each round has joins of a new waiting room, polls, statuses, availability, holds that lose, bodies
that are refused and requests that are handed over, all from client IPs of their own. Memory is the
proportional set size. Import once Django is set up.
"""

import math
import random
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.crowd import Crowd, address_of, new_room
from bench.load_client import Job
from bench.play import Player
from bench.requests import request
from bench.server import serve_fastpath
from stack.entrance import FASTPATH

CONNECTIONS = 32
# What a million requests may add to a process that was warm; a leak of 30 bytes each would be seen.
GROWTH_MB = 30.0
_ROUNDS = 20
_FANS = 2_000
_MB = 1_000_000


def measure(folder: Path, *, requests: int) -> dict[str, Any]:
    """Return the megabytes after each round, and the growth of the second half by the million."""
    crowd = Crowd(seats=200, fans=_FANS)
    crowd.take_many([0, 1])
    return {name: _measured(name, crowd, folder, requests) for name in FASTPATH}


def _measured(name: str, crowd: Crowd, folder: Path, requests: int) -> dict[str, Any]:
    each = math.ceil(requests / _ROUNDS)
    found: list[float] = []
    statuses: dict[str, int] = {}
    with serve_fastpath(folder, name) as server:
        player, addresses = Player(folder), cycle(range(1 << 24))
        for _ in range(_ROUNDS):
            job = Job(server.port, _mixed(name, crowd, each, addresses), CONNECTIONS, once=True,
                      seconds=3600.0)  # fmt: skip
            seen = player.play(job, expected=None, server=server)
            found.append(round(server.memory()[0] / _MB, 1))
            for status, number in seen["statuses"].items():
                statuses[status] = statuses.get(status, 0) + number
    half = found[_ROUNDS // 2 - 1 :]
    growth = (half[-1] - half[0]) / (each * (len(half) - 1)) * 1e6
    return {
        "requests": each * _ROUNDS,
        "statuses": dict(sorted(statuses.items())),
        "megabytes": found,
        "growth_mb_a_million": round(growth, 1),
        "at_most": GROWTH_MB,
        "met": growth <= GROWTH_MB,
    }


def _mixed(name: str, crowd: Crowd, number: int, addresses: Iterator[int]) -> list[bytes]:
    """Return so many requests of a process, and some of none, in an order by chance."""
    fans = range(_FANS)

    def read(path: str) -> Iterator[bytes]:
        return (request("GET", path, client_ip=address_of(next(addresses))) for _ in cycle([0]))

    if FASTPATH[name] == "sale":
        malformed = crowd.request(0, "POST", "/api/v1/reservations/", body={"x": 1})
        kinds = [
            cycle(crowd.hold(fan, 0) for fan in fans),
            cycle([malformed]),
            read(f"/api/v1/performances/{crowd.hall.pk}/availability/"),
        ]
    else:
        room = new_room()
        kinds = [
            cycle(crowd.joins(room, fans)),
            cycle(crowd.polls(room, fans)),
            read(f"/api/v1/performances/{room.pk}/queue/"),
        ]
    kinds.append(read("/api/v1/concerts/"))
    found = [sent for kind in kinds for sent in islice(kind, number // len(kinds) + 1)]
    random.Random(number).shuffle(found)
    return found[:number]
