"""The speed bars: the product's busiest requests against the baseline, in one run.

docs/performance.md says how this is measured, and why so. Import once Django is set up.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from bench import bursts
from bench.crowd import BURST, FULL, QUICK, Crowd, Sizes, new_room
from bench.load_client import Job
from bench.pairs import Bar, Round, Seen, compare
from bench.pgbench import Pgbench, script_of_a_hold
from bench.play import Player, request
from bench.server import API, RunningServer, serve, serve_fastpath, serve_gateway
from kernel.redis.clients import client

BASELINE_KEY = "fr:bench:baseline"  # what bench/baseline.py reads
BASELINE = "bench.baseline:application"
CONNECTIONS = 32
HOLDERS = 8  # connections that hold, and clients of pgbench
_REFUSAL = 0.33  # a refused call, or a document asked for again: at most three baseline views
_SAME_SEAT = 0  # the seat that the losers want


@dataclass(frozen=True)
class _Bench:
    """What the bars are made of."""

    crowd: Crowd
    sizes: Sizes
    player: Player
    folder: Path
    baseline: RunningServer
    api: RunningServer
    fastpath: RunningServer

    def baseline_view(self) -> Seen:
        asked = [request("GET", "/baseline/")]
        job = Job(self.baseline.port, asked, CONNECTIONS, self.sizes.seconds)
        return self.player.play(job, expected=200, server=self.baseline)

    def again(self, server: RunningServer, requests: list[bytes], expected: int) -> Round:
        """Return a round that sends these requests again and again."""
        job = Job(server.port, requests, CONNECTIONS, self.sizes.seconds)
        return lambda: self.player.play(job, expected=expected, server=server)

    def once(
        self,
        server: RunningServer,
        requests: Callable[[], list[bytes]],
        expected: int,
        connections: int = CONNECTIONS,
    ) -> Round:
        """Return a round that sends each of these requests once; made before it is measured."""

        def play() -> Seen:
            job = Job(server.port, requests(), connections, once=True)
            return self.player.play(job, expected=expected, server=server)

        return play


def measure(folder: Path, *, quick: bool, rounds: int) -> dict[str, Any]:
    """Return the ratio of each bar, and how long bursts of joins take."""
    sizes = QUICK if quick else FULL
    # One round more to warm up, and one for void ones.
    crowd = Crowd(seats=2 + (rounds + 2) * (sizes.holds + sizes.pgbench * HOLDERS))
    client("queue").set(BASELINE_KEY, b'{"waiting":12345}')
    player = Player(folder)
    with ExitStack() as stack:
        baseline, api = (stack.enter_context(serve(name, folder)) for name in (BASELINE, API))
        fastpath = stack.enter_context(serve_fastpath(folder))
        gateway = stack.enter_context(serve_gateway(folder, api, fastpath))
        bench = _Bench(crowd, sizes, player, folder, baseline, api, fastpath)
        bars = [*_waiting_room(bench), *_holds(bench), *_refusals(bench)]
        bench.baseline_view()
        for bar in bars:
            bar.measured()
        return {
            "rounds": rounds,
            "bars": {bar.name: compare(bar, rounds) for bar in bars},
            "bursts": bursts.measure(
                crowd, player, baseline=baseline, fastpath=fastpath, gateway=gateway
            ),
        }


def _waiting_room(bench: _Bench) -> list[Bar]:
    crowd, joins = bench.crowd, bench.sizes.joins
    fans, crowded = count(0, joins), new_room()

    def next_joins() -> list[bytes]:
        first = next(fans) % (BURST - joins)
        return crowd.joins(new_room(), range(first, first + joins))

    path = f"/api/v1/performances/{crowded.pk}/queue/"
    polls = crowd.polls(crowded, range(1000))
    service, view = bench.fastpath, bench.baseline_view
    return [
        Bar("join", 2, bench.once(service, next_joins, 201), view),
        Bar("own poll", 2, bench.again(service, polls, 200), view),
        Bar("public status", 1.5, bench.again(service, [request("GET", path)], 200), view),
    ]


def _holds(bench: _Bench) -> list[Bar]:
    crowd, sizes = bench.crowd, bench.sizes
    fans = count(2)
    crowd.take(_SAME_SEAT, _SAME_SEAT)
    losers = [crowd.hold(fan, _SAME_SEAT) for fan in range(1, 1001)]
    pgbench = Pgbench(bench.folder, script_of_a_hold(crowd.prefix, crowd.hall.pk, 1), HOLDERS)

    def next_holds() -> list[bytes]:
        return [crowd.hold(next(fans), seat) for seat in crowd.next_seats(sizes.holds)]

    def same_sql() -> Seen:
        seats = list(crowd.next_seats(sizes.pgbench * HOLDERS))
        return {"rate": pgbench.run(first=seats[0], each=sizes.pgbench)}

    return [
        Bar("losing hold", 1.5, bench.again(bench.fastpath, losers, 409), bench.baseline_view),
        Bar("winning hold", 1.5, bench.once(bench.fastpath, next_holds, 201, HOLDERS), same_sql),
    ]


def _refusals(bench: _Bench) -> list[Bar]:
    return [
        Bar(name, _REFUSAL, bench.again(server, [asked], status), bench.baseline_view)
        for server, refused in (
            (bench.api, _refused_by_api(bench.crowd)),
            (bench.fastpath, _refused_by_fastpath(bench.crowd)),
        )
        for name, (asked, status) in refused.items()
    ]


def _refused_by_api(crowd: Crowd) -> dict[str, tuple[bytes, int]]:
    """Return requests that are refused, with their status, and documents that are read again."""
    points, login = "/api/v1/points/", crowd.logins[0]
    return {
        "no login": (request("GET", points), 401),
        "made-up login": (request("GET", points, bearer="made.up.token"), 401),
        "forged login": (request("GET", points, bearer=login[:-9] + "forgedAAA"), 401),
        "unknown path": (request("GET", "/api/v1/nowhere/"), 404),
        "schema again": (request("GET", "/api/schema/"), 200),
        "login schema": (request("GET", "/_allauth/openapi.json"), 200),
        "keys again": (request("GET", "/.well-known/jwks.json"), 200),
    }


def _refused_by_fastpath(crowd: Crowd) -> dict[str, tuple[bytes, int]]:
    """Return holds that are none, with their status."""
    path, wrong = "/api/v1/reservations/", {"performance_id": "x", "seat_ids": [1] * 4_000}
    return {
        "malformed hold": (crowd.request(0, "POST", path, body={"x": 1}), 400),
        "wrong seats": (crowd.request(0, "POST", path, body=wrong), 400),
    }
