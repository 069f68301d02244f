"""The load client, cheap enough to share the cores with the server: one thread, epoll, no library.

Reads one pickled `Job` from standard input and prints what it saw as JSON. Closed loop: each
connection sends its next request after the response to the last one. Open loop (`spread` above 0):
request i is due at i/n of `spread` seconds and its latency counts from then, whether or not a
connection was free, so a slow server cannot hide by slowing the client.
"""

import json
import pickle
import re
import select
import socket
import statistics
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

_PATIENCE_SECONDS = 60.0
_NUMBER = re.compile(rb'"number":(\d+)')


@dataclass(frozen=True)
class Job:
    """What to send: whole HTTP requests, in this order; `once` or again and again."""

    port: int
    requests: list[bytes]
    connections: int = 32
    seconds: float = _PATIENCE_SECONDS
    once: bool = False
    spread: float = 0.0
    reads_numbers: bool = False  # the `number` in each body, to see the order of places


@dataclass
class _Connection:
    socket: socket.socket
    due: float = 0.0
    index: int = 0  # of the request under way
    received: bytearray = field(default_factory=bytearray)


class Client:
    """Plays one job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.poll = select.epoll()
        self.by_descriptor: dict[int, _Connection] = {}
        self.free: deque[_Connection] = deque()
        self.statuses: Counter[str] = Counter()
        self.took: list[float] = []
        self.numbers: list[tuple[int, int]] = []  # places, and which request got them
        self.sent = 0

    def run(self) -> dict[str, object]:
        """Return counts by status, the duration, latencies in ms and this process's CPU share."""
        for _ in range(self.job.connections):
            opened = socket.create_connection(("127.0.0.1", self.job.port), timeout=10)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(opened)
            self.by_descriptor[opened.fileno()] = connection
            self.poll.register(opened.fileno(), select.EPOLLIN)
            self.free.append(connection)
        begun, cpu = time.perf_counter(), time.process_time()
        self._play(begun)
        seconds = time.perf_counter() - begun
        self.took.sort()
        return {
            "statuses": dict(self.statuses),
            "responses": len(self.took),
            "seconds": seconds,
            "rate": len(self.took) / seconds,
            "p50_ms": statistics.median(self.took) * 1000,
            "p99_ms": self.took[int(len(self.took) * 0.99)] * 1000,
            "most_ms": self.took[-1] * 1000,
            "displacement": self._displacement(),
            "cpu_share": (time.process_time() - cpu) / seconds,
        }

    def _displacement(self) -> int:
        """Return by how many places, at most, a fan is out of the order of sending."""
        by_place = [index for _, index in sorted(self.numbers)]
        return max((abs(place - index) for place, index in enumerate(by_place)), default=0)

    def _play(self, begun: float) -> None:
        job = self.job
        count = len(job.requests) if job.once else sys.maxsize
        last = begun + job.seconds
        while True:
            now = time.perf_counter()
            open_for_more = self.sent < count and now < last
            if open_for_more:
                self._send_due(begun, now, count)
            elif len(self.free) == len(self.by_descriptor):
                return
            if now > last + _PATIENCE_SECONDS:
                raise TimeoutError(f"{len(self.by_descriptor) - len(self.free)} got no response")
            for descriptor, _events in self.poll.poll(0.001 if job.spread else 1):
                self._receive(self.by_descriptor[descriptor])

    def _send_due(self, begun: float, now: float, count: int) -> None:
        job, total = self.job, len(self.job.requests)
        while self.free and self.sent < count:
            due = begun + self.sent * job.spread / total if job.spread else time.perf_counter()
            if due > now and job.spread:
                return
            connection = self.free.popleft()
            connection.due, connection.index = due, self.sent
            connection.socket.send(job.requests[self.sent % total])
            self.sent += 1

    def _receive(self, connection: _Connection) -> None:
        data = connection.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        if connection.received:
            connection.received += data
            data = bytes(connection.received)
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _length(data, head):
            connection.received = bytearray(data)
            return
        if connection.received:
            connection.received = bytearray()
        self.took.append(time.perf_counter() - connection.due)
        self.statuses[data[9:12].decode()] += 1
        if self.job.reads_numbers:
            self.numbers.append((_number(data, head), connection.index))
        self.free.append(connection)


def _number(data: bytes, head: int) -> int:
    found = _NUMBER.search(data, head)
    if found is None:
        raise ValueError(f"no number in {data!r}")
    return int(found[1])


def _length(data: bytes, head: int) -> int:
    start = data.find(b"content-length: ", 0, head)
    if start < 0:
        start = data.find(b"Content-Length: ", 0, head)
    if start < 0:
        raise ValueError(f"no content-length in {data[:head]!r}")
    return int(data[start + 16 : data.find(b"\r\n", start)])


if __name__ == "__main__":
    print(json.dumps(Client(pickle.load(sys.stdin.buffer)).run()))
