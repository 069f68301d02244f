"""The memory of an API process after many logins and under mixed traffic.

The bar: under 300 MB a process, after 10,000 logins and throughout 30 minutes of mixed traffic.
`--compare` measures the same with glibc's own settings first. Memory is the proportional set size
of each process, read once a second. Import once Django is set up.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

from accounts.models import User
from bench.environment import SET_BY_THE_STACK
from bench.fixtures import fan_token, make_hall, make_room, seat_ids
from bench.load_client import Job
from bench.play import Player
from bench.requests import request
from bench.server import RunningServer, serve
from kernel.ids import uuid7
from stack.application import ALLOCATOR

_PASSWORD = "orange-harbour-97"
_PEOPLE = 20  # who log in, again and again
_MB = 1_000_000


class Watch:
    """The memory of a server's largest process, read once a second."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.most = 0.0

    def look(self) -> float:
        """Return the megabytes of its largest process now."""
        now = max(self._server.memory(), default=0) / _MB
        self.most = max(self.most, now)
        return round(now, 1)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look again and again while the block runs."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(1):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def measure(
    folder: Path, *, logins: int, minutes: float, connections: int, compare: bool
) -> dict[str, dict[str, float]]:
    """Return the megabytes of the largest API process at each point, by allocator settings."""
    people = [f"memory-{number}@example.com" for number in range(_PEOPLE)]
    for email in people:
        User.objects.create_user(email, _PASSWORD)
    kinds: dict[str, dict[str, str]] = {"by glibc itself": {}} if compare else {}
    kinds[SET_BY_THE_STACK] = ALLOCATOR
    return {
        name: _measure(folder, allocator, people, logins, minutes, connections)
        for name, allocator in kinds.items()
    }


def _measure(
    folder: Path,
    allocator: dict[str, str],
    people: list[str],
    logins: int,
    minutes: float,
    connections: int,
) -> dict[str, float]:
    with serve("config.wsgi:application", folder, allocator) as server:
        watch = Watch(server)
        some = list(islice(cycle(_logins(people)), logins))
        player = Player(folder)

        def play(job: Job, expected: int | None = None) -> None:
            player.play(job, expected=expected, server=server)

        play(Job(server.port, some[:connections], connections, once=True), 200)
        figures = {"at start": watch.look()}
        with watch.watching():
            play(Job(server.port, some, connections, seconds=3600, once=True))
            figures["after logins"] = watch.look()
            until = time.monotonic() + minutes * 60
            while time.monotonic() < until:
                seconds = min(60.0, max(1.0, until - time.monotonic()))
                play(Job(server.port, _mixed(people), connections, seconds))
            figures["after mixed traffic"] = watch.look()
        return {**figures, "most": round(watch.most, 1)}


def _logins(people: list[str]) -> list[bytes]:
    path = "/_allauth/app/v1/auth/login"
    return [request("POST", path, body={"email": e, "password": _PASSWORD}) for e in people]


def _mixed(people: list[str]) -> list[bytes]:
    """Return a round of what fans do: look, wait, hold, log in; a new hall and room each time."""
    hall, room = make_hall(400), make_room()
    fans = [uuid7() for _ in range(500)]
    User.objects.add([User(pk=fan, email=f"{fan}@example.com", password="!") for fan in fans])
    tokens = [fan_token(fan) for fan in fans]
    seats = seat_ids(hall)
    looks = [
        request("GET", path)
        for path in (
            "/api/v1/concerts/",
            f"/api/v1/performances/{hall.pk}/seatmap/",
            f"/api/v1/performances/{hall.pk}/availability/",
            f"/api/v1/performances/{room.pk}/queue/",
        )
    ]
    logins = cycle(_logins(people))
    found: list[bytes] = []
    for number, token in enumerate(tokens):
        body = {"performance_id": str(hall.pk), "seat_ids": [str(seats[number % len(seats)])]}
        found += [
            *looks,
            request("POST", f"/api/v1/performances/{room.pk}/queue/", bearer=token),
            request("POST", "/api/v1/reservations/", body=body, bearer=token),
            request("GET", "/api/v1/reservations/", bearer=token),
            next(logins),
        ]
    return found
