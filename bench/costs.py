"""What one join, poll, hold and sale cost: processor time, transactions, and bytes that are kept.

Requests go through the gateway, so a cost is that of all processes. Import once Django is set up.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection

from bench.crowd import Crowd, new_room
from bench.load_client import Job
from bench.play import Player
from bench.requests import request
from bench.server import API, RunningServer, serve, serve_fastpath, serve_gateway
from stack.entrance import FASTPATH

CONNECTIONS = 32
_TRANSACTIONS = """
SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database WHERE datname = current_database()"""
_EVENTS = "SELECT count(*), coalesce(sum(octet_length(data::text)), 0) FROM events_outboxevent"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What has been written so far: bytes but for `transactions` and `events`."""

    wal: int
    transactions: int
    events: int
    event_data: int
    log: int

    def since(self, before: "_Kept", requests: int) -> dict[str, float]:
        """Return what each request has added."""
        added = {name: getattr(self, name) - getattr(before, name) for name in self.__slots__}
        return {name: round(value / requests, 2) for name, value in added.items()}


def measure(folder: Path, *, requests: int) -> dict[str, Any]:
    """Return the cost of each kind of request, from `requests` of it."""
    crowd = Crowd(seats=3 * requests + 4, fans=max(requests, 2_000))
    player = Player(folder)
    with ExitStack() as stack:
        api = stack.enter_context(serve(API, folder))
        fastpath, sale = (stack.enter_context(serve_fastpath(folder, name)) for name in FASTPATH)
        gateway = stack.enter_context(serve_gateway(folder, api, fastpath, sale))
        kinds = dict(_kinds(crowd, requests))
        for made, _ in kinds.values():  # the first of each pays for what is kept
            _play(player, gateway, made()[:CONNECTIONS], expected=None)
        return {
            "requests": requests,
            "kinds": {
                name: _cost(player, gateway, folder, made(), expected)
                for name, (made, expected) in kinds.items()
            },
        }


def _kinds(crowd: Crowd, requests: int) -> Iterator[tuple[str, tuple[Callable[[], Any], int]]]:
    fans = range(requests)
    crowded, asked = new_room(), count()
    path = f"/api/v1/performances/{crowd.hall.pk}"
    yield "join", (lambda: crowd.joins(new_room(), fans), 201)
    yield "own poll", (lambda: crowd.polls(crowded, fans), 200)
    yield "availability", (lambda: [request("GET", f"{path}/availability/") for _ in fans], 200)
    yield "hold", (lambda: [crowd.hold(seat, seat) for seat in crowd.next_seats(requests)], 201)
    yield "concerts", (lambda: [_concerts(next(asked)) for _ in fans], 200)

    def payments() -> list[bytes]:
        held = list(crowd.next_seats(requests // 2))
        crowd.take_many(held)
        return [crowd.pay(fan, crowd.key(fan)) for fan in held]

    yield "pay by points", (payments, 201)


def _concerts(number: int) -> bytes:
    return request("GET", f"/api/v1/concerts/?page_size={number % 20 + 1}")


def _play(
    player: Player, gateway: RunningServer, asked: list[bytes], *, expected: int | None
) -> dict[str, Any]:
    job = Job(gateway.port, asked, CONNECTIONS, once=True)
    return player.play(job, expected=expected, server=gateway)


def _cost(
    player: Player, gateway: RunningServer, folder: Path, asked: list[bytes], expected: int
) -> dict[str, Any]:
    before = _kept(folder)
    seen = _play(player, gateway, asked, expected=expected)
    shares = {name: share for name, share in seen["cpu_shares"].items() if name != "client"}
    spent = {
        name.rpartition(".")[2]: round(share * seen["seconds"] / len(asked) * 1e3, 3)
        for name, share in shares.items()
    }
    return {
        "cpu_ms": round(sum(spent.values()), 2),
        "cpu_ms_by_process": {name: ms for name, ms in spent.items() if ms >= 0.005},
        **_kept(folder).since(before, len(asked)),
    }


def _kept(folder: Path) -> _Kept:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'")
        [wal] = cursor.fetchone()
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_TRANSACTIONS)
        [transactions] = cursor.fetchone()
        cursor.execute(_EVENTS)
        events, data = cursor.fetchone()
    logs = sum(path.stat().st_size for path in folder.rglob("*.log"))
    return _Kept(int(wal), int(transactions), events, int(data), logs)
