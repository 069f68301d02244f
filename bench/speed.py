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
from bench.pgbench import Pgbench, script_of_a_hold, script_of_a_payment
from bench.play import Player
from bench.requests import request
from bench.server import API, RunningServer, serve, serve_fastpath, serve_gateway
from kernel.ids import uuid7
from kernel.redis.clients import client
from stack.entrance import FASTPATH

BASELINE_KEY = "fr:bench:baseline"  # what bench/baseline.py reads
BASELINE = "bench.baseline:application"
CONNECTIONS = 32
HOLDERS = 8  # connections that hold, and clients of pgbench
_REFUSAL = 0.33  # a refused call, or a document asked for again: at most three baseline views
_SAME_SEAT = 0  # the seat that the losers want
_AT_ONCE = (1, 8, 64)  # connections whose latency is shown


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
    sale: RunningServer

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

    def served_by(self, asked: bytes) -> RunningServer:
        """Return the service if it answers this request, else the API that it is handed to."""
        job = Job(self.sale.port, [asked], 1, once=True)
        seen = self.player.play(job, expected=None, server=self.sale)
        return self.api if "421" in seen["statuses"] else self.sale

    def next_holds(self, number: int) -> list[bytes]:
        """Return holds of seats that nobody has wanted yet."""
        return [self.crowd.hold(seat, seat) for seat in self.crowd.next_seats(number)]

    def next_payments(self, number: int) -> list[bytes]:
        """Return payments by points for seats that are held now."""
        held = list(self.crowd.next_seats(number))
        self.crowd.take_many(held)
        return [self.crowd.pay(fan, self.crowd.key(fan)) for fan in held]


def measure(folder: Path, *, quick: bool, rounds: int) -> dict[str, Any]:
    """Return the ratio of each bar, and how long bursts of joins take."""
    sizes = QUICK if quick else FULL
    # Twice the rounds, as void ones are repeated, and one more to warm up.
    each = sizes.holds + sizes.payments + 2 * sizes.pgbench * HOLDERS
    crowd = Crowd(seats=4 + (2 * rounds + 1) * each + 2 * _alone(sizes))
    client("queue").set(BASELINE_KEY, b'{"waiting":12345}')
    player = Player(folder)
    with ExitStack() as stack:
        baseline, api = (stack.enter_context(serve(name, folder)) for name in (BASELINE, API))
        fastpath, sale = (stack.enter_context(serve_fastpath(folder, name)) for name in FASTPATH)
        gateway = stack.enter_context(serve_gateway(folder, api, fastpath, sale))
        bench = _Bench(crowd, sizes, player, folder, baseline, api, fastpath, sale)
        bars = [*_waiting_room(bench), *_holds(bench), *_payments(bench), *_refusals(bench)]
        bench.baseline_view()
        for bar in bars:
            bar.measured()
        return {
            "rounds": rounds,
            "bars": {bar.name: compare(bar, rounds) for bar in bars},
            "latency": _latency(bench),
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
    crowd.take(_SAME_SEAT, _SAME_SEAT)
    losers = [crowd.hold(fan, _SAME_SEAT) for fan in range(1, 1001)]
    script = script_of_a_hold(crowd.prefix, crowd.hall.pk, 1)
    pgbench = Pgbench(bench.folder, "hold", script, HOLDERS)

    def next_holds() -> list[bytes]:
        return bench.next_holds(sizes.holds)

    def same_sql() -> Seen:
        seats = list(crowd.next_seats(sizes.pgbench * HOLDERS))
        return {"rate": pgbench.run(first=seats[0], each=sizes.pgbench)}

    return [
        Bar("losing hold", 1.5, bench.again(bench.sale, losers, 409), bench.baseline_view),
        Bar("winning hold", 1.5, bench.once(bench.sale, next_holds, 201, HOLDERS), same_sql),
    ]


def _payments(bench: _Bench) -> list[Bar]:
    crowd, sizes = bench.crowd, bench.sizes
    [first] = crowd.next_seats(1)
    crowd.take_many([first])
    pgbench = Pgbench(bench.folder, "payment", script_of_a_payment(crowd.prefix, first), HOLDERS)
    server = bench.served_by(crowd.pay(first, uuid7()))

    def next_payments() -> list[bytes]:
        return bench.next_payments(sizes.payments)

    def same_sql() -> Seen:
        held = list(crowd.next_seats(sizes.pgbench * HOLDERS))
        crowd.take_many(held)
        return {"rate": pgbench.run(first=held[0], each=sizes.pgbench)}

    return [Bar("pay by points", 0.7, bench.once(server, next_payments, 201, HOLDERS), same_sql)]


def _alone(sizes: Sizes) -> int:
    """Return how many seats the latencies of one kind take."""
    return sizes.alone * len(_AT_ONCE)


def _latency(bench: _Bench) -> dict[str, dict[str, dict[str, float]]]:
    """Return the latencies of winning holds and payments by points, by connections."""
    payments = bench.served_by(bench.crowd.pay(0, uuid7()))
    kinds = {"hold": (bench.sale, bench.next_holds), "pay": (payments, bench.next_payments)}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind, (server, requests) in kinds.items():
        for at_once in _AT_ONCE:
            job = Job(server.port, requests(bench.sizes.alone), at_once, once=True)
            seen = bench.player.play(job, expected=201, server=server)
            shown = {name: round(seen[name], 2) for name in ("p50_ms", "p99_ms")}
            found.setdefault(kind, {})[str(at_once)] = shown
    return found


def _refusals(bench: _Bench) -> list[Bar]:
    return [
        Bar(name, _REFUSAL, bench.again(server, [asked], status), bench.baseline_view)
        for server, refused in (
            (bench.api, _refused_by_api(bench.crowd)),
            (bench.sale, _refused_by_fastpath(bench.crowd)),
        )
        for name, (asked, status) in refused.items()
    ]


def _refused_by_api(crowd: Crowd) -> dict[str, tuple[bytes, int]]:
    """Return requests that are refused, with their status, and documents that are read again."""
    points, login = "/api/v1/points/", crowd.login(0)
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
