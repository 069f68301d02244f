"""The live streams under many listeners: memory, processor, and how late an event is.

A document changes each second, and every listener gets that event: straight from the process, and
through the gateway. How late is from the reading of the document (its `as_of`) until the event was
read by the listener, on the same clock. The document comes from a small server of our own, so that
the machine has nothing else to do. Needs no database.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.server import RunningServer, serve_gateway, serve_streams

HALL = UUID("0190a000-0000-7000-8000-000000000001")
MOST_MB, MOST_CORE, MOST_MS = 200.0, 0.20, 1000.0
_SEATS = 5_000
_MB = 1_000_000


def measure(folder: Path, *, straight: int, gateway: int, seconds: float) -> dict[str, Any]:
    """Return the figures of so many listeners each way; sizes in MB, times in ms."""
    found = {}
    with _source() as port:
        with serve_streams(folder, port) as streams:
            found["straight"] = _listened(streams, streams, straight, seconds)
        with (
            serve_streams(folder, port) as streams,
            serve_gateway(folder, streams, streams, streams, streams) as entry,
        ):
            found["gateway"] = _listened(streams, entry, gateway, seconds)
    return {**found, "met": all(one["met"] for one in found.values())}


def _listened(
    streams: RunningServer, entry: RunningServer, listeners: int, seconds: float
) -> dict[str, Any]:
    path = f"/api/v1/performances/{HALL}/availability/stream/"
    argv = [sys.executable, "-m", "bench.stream_client", str(entry.port), path]
    client = subprocess.Popen(
        [*argv, str(listeners), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout
    assert client.stdout.readline() == "all listen\n"
    begun, before = time.monotonic(), streams.cpu_seconds()[streams.name]
    seen = json.loads(client.stdout.readline())
    core = (streams.cpu_seconds()[streams.name] - before) / (time.monotonic() - begun)
    megabytes = streams.memory()[0] / _MB
    client.stdout.readline()  # it goes on listening until it is ended
    client.terminate()
    client.wait()
    client.stdout.close()
    met = megabytes < MOST_MB and core < MOST_CORE and seen["p99_ms"] < MOST_MS
    return {
        "listeners": listeners,
        **seen,
        "megabytes": round(megabytes, 1),
        "core": round(core, 3),
        "met": met and seen["listening"] == listeners,
    }


def _document() -> bytes:
    now = datetime.now(UTC)
    letters = ["A"] * _SEATS
    letters[int(now.timestamp()) % _SEATS] = "T"
    as_of = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {"layout_version": 1, "as_of": as_of, "statuses": "".join(letters)}
    return json.dumps(said).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            body = _document()
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            )
            writer.write(f"{head}\r\n\r\n".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def _source() -> Iterator[int]:
    """Serve the document in a thread; yields its port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
