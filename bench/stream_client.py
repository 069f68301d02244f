"""Many listeners of one live stream: `python -m bench.stream_client PORT PATH NUMBER SECONDS`.

Says "all listen", then after so many seconds one line of JSON, and goes on until it is ended.
"""

import asyncio
import json
import re
import sys
import time
from datetime import datetime
from typing import Any

import uvloop

from proof.measures import latencies

_EVENT = re.compile(rb'event: seats\ndata: \{"layout_version":1,"as_of":"([^"]+)","crc":\d+,')
_AT_ONCE = 200  # streams that are being opened: no backlog is outrun


class Crowd:
    """What all listeners have seen."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.listening = 0
        self.is_measuring = False
        self._moments: dict[bytes, float] = {}

    def heard(self, data: bytes) -> None:
        """Count the events in some bytes that have just come."""
        now = time.time()
        for as_of in _EVENT.findall(data):
            moment = self._moments.get(as_of)
            if moment is None:
                moment = datetime.fromisoformat(as_of.decode()).timestamp()
                self._moments[as_of] = moment
            if self.is_measuring:
                self.took.append(now - moment)


class Listener(asyncio.Protocol):
    """One of them; an event is small enough to come in one piece."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self._crowd, self._request = crowd, request
        self.begun = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        """Ask for the stream; uvloop's transports are no `asyncio.Transport`."""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        if not self.begun.is_set() and data.startswith(b"HTTP/1.1 200"):
            self.begun.set()
            self._crowd.listening += 1
        self._crowd.heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Listen no more."""
        self._crowd.listening -= self.begun.is_set()


async def listen(port: int, path: str, number: int, seconds: float) -> None:
    """Listen so many times, and measure for so long once all do."""
    loop, crowd = asyncio.get_running_loop(), Crowd()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def connect() -> None:
        async with gate:
            made = Listener(crowd, request)
            await loop.create_connection(lambda: made, "127.0.0.1", port)
            await made.begun.wait()

    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(connect() for _ in range(number)))
    except TimeoutError:
        raise TimeoutError(f"only {crowd.listening} of {number} listen") from None
    await asyncio.sleep(2)  # what came with the crowd is over
    print("all listen", flush=True)
    crowd.is_measuring = True
    await asyncio.sleep(seconds)
    crowd.is_measuring = False
    seen = {
        "listening": crowd.listening,
        "events_a_second": round(len(crowd.took) / seconds),
        **{name: round(value, 1) for name, value in latencies(crowd.took).items()},
    }
    print(json.dumps(seen), flush=True)
    print("done", flush=True)
    await asyncio.sleep(3600)


if __name__ == "__main__":
    uvloop.run(listen(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
