"""The measuring part of queue_joins.py, imported once Django is set up."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from accounts.tokens import issue_access_token
from concerts.models import Concert, Performance, Venue
from kernel import clock
from kernel.ids import uuid7
from queueing.usecases.config import set_config
from stack.service import free_ports

HERE = Path(__file__).resolve().parent


def measure(fans: int, connections: int, workers: int) -> dict[str, dict[str, Any]]:
    """Return figures by what was asked."""
    performance = make_room(capacity=1000)
    tokens = [_token() for _ in range(fans)]
    url = f"/api/v1/performances/{performance.pk}/queue/"
    joins = [_request("POST", url, f"Authorization: Bearer {token}") for token in tokens]
    found: dict[str, dict[str, Any]] = {}
    with _server("bare:application", workers) as (port, process):
        bare = [_request("GET", "/bare/")] * fans
        asyncio.run(_play(port, bare[: fans // 10], connections))
        found["bare view"] = _told(port, bare, connections, process)
    with _server("config.wsgi:application", workers) as (port, process):
        asyncio.run(_play(port, [_request("GET", url)] * 500, connections))
        found["join"] = _told(port, joins, connections, process)
        polls = [
            _request(
                "GET", f"{url}me/", f"Authorization: Bearer {token}", f"X-Queue-Token: {place}"
            )
            for token, place in zip(tokens, _places(port, joins, connections), strict=True)
        ]
        found["poll"] = _told(port, polls, connections, process)
        found["status"] = _told(port, [_request("GET", url)] * fans, connections, process)
    yardstick = found["bare view"]["per_second"]
    for values in found.values():
        values["of_bare"] = round(values["per_second"] / yardstick, 2)
    return found


def make_room(**changes: Any) -> Performance:
    """Make a performance whose waiting room takes joins; `changes` go into its config."""
    now = clock.now()
    venue = Venue.objects.create(name_ko="공연장", name_en="Hall", address_ko="-", address_en="-")
    concert = Concert.objects.create(
        title_ko="공연",
        title_en="Show",
        artist_ko="-",
        artist_en="-",
        venue=venue,
        published_at=now,
    )
    performance = Performance.objects.create(concert=concert, starts_at=now + timedelta(days=9))
    set_config(
        performance_id=performance.pk,
        changes={"queue_opens_at": now - timedelta(hours=1), **changes},
        actor_id=None,
        reason="measuring",
        now=now,
    )
    return performance


def _token() -> str:
    user = uuid7()
    return issue_access_token(
        user_id=user,
        session_id=str(user),
        is_staff=False,
        groups=[],
        now=clock.now(),
        lifetime=timedelta(hours=1),
    )


def _request(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def _server(application: str, workers: int):
    [port] = free_ports(1)
    argv = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", application),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", str(workers), "--blocking-threads", "8"),
        *("--backlog", "16384", "--backpressure", str(16384 // workers), "--log-level", "error"),
    ]
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    process = subprocess.Popen(argv, cwd=HERE.parent, env={**os.environ, "PYTHONPATH": path})
    try:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if time.monotonic() > deadline:
                raise TimeoutError(application)
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _told(
    port: int, requests: Sequence[bytes], connections: int, server: psutil.Process
) -> dict[str, Any]:
    family = [server, *server.children(recursive=True)]
    own = psutil.Process()
    before, own_before = _cpu(family), _cpu([own])
    began = time.monotonic()
    answers = asyncio.run(_play(port, requests, connections))
    seconds = time.monotonic() - began
    latencies = sorted(latency for _, latency, _ in answers)
    statuses: dict[str, int] = {}
    for status, _, _ in answers:
        statuses[status] = statuses.get(status, 0) + 1
    return {
        "per_second": round(len(answers) / seconds),
        "seconds": round(seconds, 2),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 1),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 1),
        "server_cpus": round((_cpu(family) - before) / seconds, 2),
        "client_cpus": round((_cpu([own]) - own_before) / seconds, 2),
        "statuses": statuses,
    }


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _places(port: int, joins: Sequence[bytes], connections: int) -> list[str]:
    answers = asyncio.run(_play(port, joins, connections))
    return [body.split(b'"token":"', 1)[1].split(b'"', 1)[0].decode() for _, _, body in answers]


async def _play(
    port: int, requests: Sequence[bytes], connections: int
) -> list[tuple[str, float, bytes]]:
    """Send all requests over so many connections; return status, latency and body of each."""
    answers: list[Any] = [None] * len(requests)
    left = iter(enumerate(requests))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for index, request in left:
            began = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            body = await reader.readexactly(length)
            answers[index] = (head[9:12].decode(), time.monotonic() - began, body)
        writer.close()

    await asyncio.gather(*(client() for _ in range(min(connections, len(requests)))))
    return answers
