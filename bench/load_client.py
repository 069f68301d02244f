"""The client that plays a list of requests, on the connections of the rehearsal's client.

Reads one pickled `Job` from standard input and prints what it saw as JSON. Closed loop: each
connection sends its next request after the response to the last one. Open loop (`spread` above 0):
request i is due at i/n of `spread` seconds and its latency counts from then, whether or not a
connection was free, so a slow server cannot hide by slowing the client.
"""

import json
import pickle
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from proof.measures import latencies
from proof.rush.wire import LOST, Wire, WireResponse

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
    kinds: list[str] = field(default_factory=list)  # of each request, where it matters


class Client:
    """Plays one job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.statuses: Counter[str] = Counter()
        self.took: list[float] = []
        self.by_kind: dict[str, list[float]] = {}
        self.numbers: list[tuple[int, int]] = []  # places, and which request got them
        self.sent = 0

    def run(self) -> dict[str, object]:
        """Return counts by status, the duration, latencies in ms and this process's CPU share."""
        self.wire = Wire(self.job.port, self.job.connections)
        begun, cpu = time.monotonic(), time.process_time()
        self._play(begun)
        seconds = time.monotonic() - begun
        return {
            "statuses": dict(self.statuses),
            "responses": len(self.took),
            "seconds": seconds,
            "rate": len(self.took) / seconds,
            **latencies(self.took),
            "kinds": {kind: latencies(took) for kind, took in self.by_kind.items()},
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
            now = time.monotonic()
            open_for_more = self.sent < count and now < last
            if open_for_more:
                self._send_due(begun, now, count)
            elif not self.wire.busy:
                return
            if now > last + _PATIENCE_SECONDS:
                raise TimeoutError(f"{self.wire.busy} got no response")
            for response in self.wire.received(0.001 if job.spread else 1):
                self._count(response)

    def _send_due(self, begun: float, now: float, count: int) -> None:
        job, total = self.job, len(self.job.requests)
        while self.wire.free and self.sent < count:
            due = begun + self.sent * job.spread / total if job.spread else time.monotonic()
            if due > now and job.spread:
                return
            self.wire.send(job.requests[self.sent % total], due=due, subject=self.sent)
            self.sent += 1

    def _count(self, response: WireResponse) -> None:
        if response.status == LOST:
            raise ConnectionError("closed by the server")
        index = response.subject
        took = time.monotonic() - response.due
        self.took.append(took)
        self.statuses[response.status] += 1
        if self.job.kinds:
            kind = self.job.kinds[index % len(self.job.kinds)]
            self.by_kind.setdefault(kind, []).append(took)
        if self.job.reads_numbers:
            self.numbers.append((_number(response.data, response.head), index))


def _number(data: bytes, head: int) -> int:
    found = _NUMBER.search(data, head)
    if found is None:
        raise ValueError(f"no number in {data!r}")
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(Client(pickle.load(sys.stdin.buffer)).run()))
