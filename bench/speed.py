"""The speed bars: the product's busiest requests against the baseline, in one run.

docs/performance.md says how this is measured, and why so. Import once Django is set up.
"""

import statistics
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from accounts.models import User
from bench.fixtures import fan_token, make_hall, make_room, numbered
from bench.load_client import Job
from bench.pgbench import Pgbench, script_of_a_hold
from bench.server import RunningServer, VoidRound, play, request, serve
from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.clients import client
from queueing.usecases import waiting_room
from reservations.usecases import holds

Seen = dict[str, Any]
BASELINE_KEY = "fr:bench:baseline"  # what bench/baseline.py reads
BASELINE = "bench.baseline:application"
LOWER_BOUND = "bench.lower_bound:application"
API = "config.wsgi:application"
BURST = 10_000
_REFUSAL = 0.33  # a refused call, or a document asked for again: at most three baseline views
_CONNECTIONS = 32
_HOLDERS = 8  # connections that hold, and clients of pgbench
_SAME_SEAT = 0  # the seat that the losers want


@dataclass(frozen=True)
class Sizes:
    """How much is done in a round."""

    seconds: float
    joins: int
    holds: int
    pgbench: int  # transactions a client


_FULL = Sizes(seconds=3.0, joins=1900, holds=400, pgbench=300)
_QUICK = Sizes(seconds=0.6, joins=600, holds=120, pgbench=100)


class Crowd:
    """Fans with their tokens and their requests."""

    def __init__(self, sizes: Sizes, rounds: int) -> None:
        self.prefix = str(uuid7())[:24]
        per_round = sizes.holds + sizes.pgbench * _HOLDERS
        seats = 2 + (rounds + 2) * per_round  # one more to warm up, one for void rounds
        User.objects.add(
            [
                User(id=numbered(self.prefix, n), email=f"fan-{n}@example.com", password="!")
                for n in range(seats)
            ]
        )
        self.hall = make_hall(seats, prefix=self.prefix)
        self.seats = iter(range(2, seats))
        self.tokens = [fan_token(numbered(self.prefix, n)) for n in range(BURST)]

    def joins(self, performance: Performance, fans: range) -> list[bytes]:
        """Return the joins of some fans."""
        path = f"/api/v1/performances/{performance.pk}/queue/"
        return [request("POST", path, bearer=self.tokens[n]) for n in fans]

    def polls(self, performance: Performance, fans: range) -> list[bytes]:
        """Let some fans join and return how they ask for their place."""
        path = f"/api/v1/performances/{performance.pk}/queue/me/"
        return [
            request(
                "GET",
                path,
                bearer=self.tokens[n],
                queue_token=waiting_room.join(
                    user_id=numbered(self.prefix, n),
                    performance_id=performance.pk,
                    token=None,
                    now=clock.now(),
                ).token,
            )
            for n in fans
        ]

    def hold(self, fan: int, seat: int) -> bytes:
        """Return a fan's request for one seat."""
        body = {
            "performance_id": str(self.hall.pk),
            "seat_ids": [str(numbered(self.prefix, seat))],
        }
        return request("POST", "/api/v1/reservations/", body=body, bearer=self.tokens[fan])

    def take(self, fan: int, seat: int) -> None:
        """Hold a seat without the API."""
        holds.place(
            user_id=numbered(self.prefix, fan),
            performance_id=self.hall.pk,
            seat_ids=[numbered(self.prefix, seat)],
            reservation_id=uuid7(),
            queue_token=None,
            now=clock.now(),
        )


def measure(folder: Path, *, quick: bool, rounds: int) -> dict[str, Any]:
    """Return the ratio of each bar, and the responses to a burst of joins."""
    sizes = _QUICK if quick else _FULL
    crowd = Crowd(sizes, rounds)
    client("queue").set(BASELINE_KEY, b'{"waiting":12345}')
    burst = _burst(crowd, folder)
    with ExitStack() as stack:
        baseline = stack.enter_context(serve(BASELINE, folder))
        api = stack.enter_context(serve(API, folder))
        lower_bound = stack.enter_context(serve(LOWER_BOUND, folder))
        return {
            "rounds": rounds,
            "bars": _bars(crowd, sizes, rounds, baseline, api, lower_bound, folder),
            "burst": burst,
        }


def _bars(
    crowd: Crowd,
    sizes: Sizes,
    rounds: int,
    baseline: RunningServer,
    api: RunningServer,
    lower_bound: RunningServer,
    folder: Path,
) -> dict[str, Any]:
    plain = Job(baseline.port, [request("GET", "/baseline/")], _CONNECTIONS, sizes.seconds)

    def baseline_view() -> Seen:
        return play(plain, expected=200, server=baseline)

    def again(
        requests: list[bytes], expected: int, server: RunningServer = api
    ) -> Callable[[], Seen]:
        job = Job(server.port, requests, _CONNECTIONS, sizes.seconds)
        return lambda: play(job, expected=expected, server=server)

    fans, holders = count(0, sizes.joins), count(2)

    def join() -> Seen:
        first = next(fans) % (BURST - sizes.joins)
        requests = crowd.joins(_room(), range(first, first + sizes.joins))
        job = Job(api.port, requests, _CONNECTIONS, once=True)
        return play(job, expected=201, server=api)

    refusals = {name: again([asked], status) for name, (asked, status) in _refused(crowd).items()}
    crowded = _room()
    path = f"/api/v1/performances/{crowded.pk}/queue/"
    polls = crowd.polls(crowded, range(1000))
    poll, least_poll = again(polls, 200), again(polls, 200, lower_bound)
    status = again([request("GET", path)], 200)
    crowd.take(_SAME_SEAT, _SAME_SEAT)
    lose = again([crowd.hold(fan, _SAME_SEAT) for fan in range(1, 1001)], 409)
    pgbench = Pgbench(folder, script_of_a_hold(crowd.prefix, crowd.hall.pk, 1), _HOLDERS)

    def win() -> Seen:
        wishes = [crowd.hold(next(holders), seat) for seat in islice(crowd.seats, sizes.holds)]
        job = Job(api.port, wishes, _HOLDERS, once=True)
        return play(job, expected=201, server=api)

    def same_sql() -> Seen:
        seats = list(islice(crowd.seats, sizes.pgbench * _HOLDERS))
        return {"rate": pgbench.run(first=seats[0], each=sizes.pgbench)}

    bars = {
        "join": (1.5, join, baseline_view),
        "own poll": (1.5, poll, baseline_view),
        "(lower bound)": (1.5, least_poll, baseline_view),
        "public status": (1.5, status, baseline_view),
        "losing hold": (0.5, lose, baseline_view),
        "winning hold": (0.2, win, same_sql),
        **{name: (_REFUSAL, refuse, baseline_view) for name, refuse in refusals.items()},
    }
    for warm in (baseline_view, join, poll, least_poll, status, lose, win, *refusals.values()):
        warm()
    return {name: _bar(*bar, rounds=rounds) for name, bar in bars.items()}


def _refused(crowd: Crowd) -> dict[str, tuple[bytes, int]]:
    """Return requests that are refused, with their status, and documents that are read again."""
    points, holds_path, key = "/api/v1/points/", "/api/v1/reservations/", crowd.tokens[0]
    wrong = {"performance_id": "x", "seat_ids": [1] * 4_000}
    return {
        "no login": (request("GET", points), 401),
        "made-up login": (request("GET", points, bearer="made.up.token"), 401),
        "forged login": (request("GET", points, bearer=key[:-9] + "forgedAAA"), 401),
        "unknown path": (request("GET", "/api/v1/nowhere/"), 404),
        "malformed hold": (request("POST", holds_path, body={"x": 1}, bearer=key), 400),
        "wrong seats": (request("POST", holds_path, body=wrong, bearer=key), 400),
        "schema again": (request("GET", "/api/schema/"), 200),
        "login schema": (request("GET", "/_allauth/openapi.json"), 200),
        "keys again": (request("GET", "/.well-known/jwks.json"), 200),
    }


def _bar(
    at_least: float, measured: Callable[[], Seen], against: Callable[[], Seen], *, rounds: int
) -> dict[str, Any]:
    pairs: list[tuple[Seen, Seen]] = []
    void = 0
    while len(pairs) < rounds:
        try:
            pairs.append((against(), measured()))
        except VoidRound:
            void += 1
            if void > rounds:
                raise
    ratios = [mine["rate"] / other["rate"] for other, mine in pairs]
    median = statistics.median(ratios)
    return {
        "at_least": at_least,
        "ratio": round(median, 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
        "per_second": round(statistics.median(mine["rate"] for _, mine in pairs)),
        "baseline_per_second": round(statistics.median(other["rate"] for other, _ in pairs)),
        "cpu_us": _cpu_us(mine for _, mine in pairs),
        "baseline_cpu_us": _cpu_us(other for other, _ in pairs),
        "void_rounds": void,
        "met": median >= at_least,
    }


def _cpu_us(rounds: Iterable[Seen]) -> int | None:
    """Return the server's processor time per request, in us; None where no server was watched."""
    each = [one["server_cpu_share"] / one["rate"] for one in rounds if "server_cpu_share" in one]
    return round(statistics.median(each) * 1_000_000) if each else None


def _burst(crowd: Crowd, folder: Path) -> dict[str, Any]:
    """Let ten thousand fans join within one second; the API has never seen their tokens."""
    with serve(API, folder) as api:
        warm = _room()
        again = [request("GET", f"/api/v1/performances/{warm.pk}/queue/")]
        play(Job(api.port, again, _CONNECTIONS, 1.0), expected=200)
        play(Job(api.port, crowd.joins(warm, range(500)), once=True), expected=201)
        requests = crowd.joins(_room(), range(BURST))
        seen = play(
            Job(api.port, requests, connections=1000, once=True, spread=1.0),
            expected=201,
            server=api,
        )
    return {
        "joins": seen["responses"],
        "all_responses_after_s": round(seen["seconds"], 2),
        "p50_ms": round(seen["p50_ms"]),
        "p99_ms": round(seen["p99_ms"]),
        "server_cpu_share": round(seen["server_cpu_share"], 2),
        "client_cpu_share": round(seen["cpu_share"], 2),
    }


def _room() -> Performance:
    """Return a performance with an open waiting room that admits nearly nobody."""
    performance = make_room(rate_per_second="0.1", capacity=1)
    waiting_room.public_status(performance_id=performance.pk, now=clock.now())  # now in Redis
    return performance
