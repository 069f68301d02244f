"""The loop that plays lives: each step is sent when due, each answer goes to its life."""

import heapq
import json
import math
import re
import sys
import time
from collections import Counter
from itertools import count
from typing import Any

from proof.history.recorded import OK, UNKNOWN, Operation
from proof.measures import latencies
from proof.rush.client_load import ClientLoad
from proof.rush.records import LOST_STATUS, outcome_of
from proof.rush.rush_sale import RushSale
from proof.rush.steps import Answer, Life, Step
from proof.rush.wire import LOST, Pool, Wire, WireResponse

_LONGEST_TURN_SECONDS = 0.05  # a look for responses, at most
_PATIENCE_SECONDS = 20.0  # for a response; what takes longer is lost
_SHOW_SECONDS = 0.5
_LAST_SECONDS = 10.0  # to finish when time is up, then again for the last responses
_GATEWAY_CONNECTIONS = 64
_CODE = re.compile(rb'"code":\s?"([a-z_]+)"')


class _Turn:
    """A life that waits for the answers to what it sent at once."""

    __slots__ = ("answers", "life", "missing", "process", "user_id")

    def __init__(self, life: Life, process: int, user_id: str) -> None:
        self.life = life
        self.process = process
        self.user_id = user_id
        self.missing = 0
        self.answers: list[Answer] = []


class _Lane:
    """What is due at one server, and the connections to it."""

    __slots__ = ("due", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.due: list[tuple[float, int, _Turn, Step]] = []


class Driver:
    """Plays the lives of one sale over one wire; a payment gateway has a `gateway_port`."""

    def __init__(
        self, port: int, connections: int, sale: RushSale, *, gateway_port: int = 0
    ) -> None:
        self._wire = Wire(port, connections)
        self._site = _Lane(self._wire.pool)
        self._lanes = [self._site]
        if gateway_port:
            self._lanes.append(_Lane(self._wire.connect(gateway_port, _GATEWAY_CONNECTIONS)))
        self._sale = sale
        self._order = count()  # of those due at the same moment
        self._living = 0
        self._watcher: _Turn | None = None
        self._load = ClientLoad()
        self._recent: list[float] = []  # latencies since the last line
        self.history: list[Operation] = []
        self.outcomes: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def start(self, life: Life, *, process: int, user_id: str) -> None:
        """Add a life; its first step is made at once."""
        self._living += 1
        self._go_on(_Turn(life, process, user_id))

    def watch(self, life: Life) -> None:
        """Add a life that goes on as long as there are others."""
        self._watcher = _Turn(life, -1, "")
        self._go_on(self._watcher)

    def run(self, begun: float, *, until: float) -> dict[str, Any]:
        """Let all go on until nobody is left or time is up; return what was met."""
        self._load.begin()
        shown = lost = begun
        while self._living:
            now = time.monotonic()
            if now > until:
                self._sale.is_over = True  # those who wait leave at their next answer
                if now > until + _LAST_SECONDS:
                    break
            for lane in self._lanes:
                self._send_due(lane, now)
            for received in self._wire.received(self._idle_seconds()):
                self._answer(received)
            if now - lost > 1:
                lost = now
                for received in self._wire.lose_older(now - _PATIENCE_SECONDS):
                    self._answer(received)
            if now - shown > _SHOW_SECONDS:
                shown = now
                self._print_progress(begun, now)
        if self._living:
            self._give_up(until)
        ended = time.monotonic()
        self._wire.close()
        return self._summary(begun, ended)

    def _give_up(self, until: float) -> None:
        """Take the last responses; what gets none, or was due and never sent, is lost.

        Whatever was sent may have had an effect, so it has to be in the history.
        """
        last = time.monotonic() + _LAST_SECONDS
        while self._wire.busy and time.monotonic() < last:
            for received in self._wire.received(_LONGEST_TURN_SECONDS):
                self._answer(received)
        for received in list(self._wire.lose_older(math.inf)):
            turn, step = received.subject
            self._record(turn, step, received.due, LOST)
        for lane in self._lanes:
            for at, _, turn, step in lane.due:
                if at <= until:
                    self._record(turn, step, at, LOST)
        if self._living:
            self.outcomes["not served"] += self._living

    def _send_due(self, lane: _Lane, now: float) -> None:
        due, pool, wire = lane.due, lane.pool, self._wire
        while due and due[0][0] <= now:
            if not pool.free:
                if lane is self._site:
                    self._load.is_starved(now)
                return
            at, _, turn, step = heapq.heappop(due)
            wire.send(step.sent, due=at, subject=(turn, step), pool=pool)
            if lane is self._site:
                self._load.sent(at, now)

    def _idle_seconds(self) -> float:
        """Return how long nothing will be due that could be sent."""
        now, idle = time.monotonic(), _LONGEST_TURN_SECONDS
        for lane in self._lanes:
            if lane.due and lane.pool.free:
                idle = min(idle, max(0.0, lane.due[0][0] - now))
        return idle

    def _answer(self, received: WireResponse) -> None:
        turn, step = received.subject
        record = self._record(turn, step, received.due, received.status)
        if record.status >= 400:
            code = _CODE.search(received.data, received.head)
            record.code = code[1].decode() if code else ""
        turn.answers.append(Answer(received, received.status, record))
        turn.missing -= 1
        if not turn.missing:
            self._go_on(turn)

    def _record(self, turn: _Turn, step: Step, due: float, status: str) -> Operation:
        """Keep what became of a step by now."""
        ended = time.monotonic()
        record = Operation(
            turn.process,
            step.op,
            round(due, 6),
            outcome_of(status),
            round(ended, 6),
            turn.user_id,
            LOST_STATUS if status == LOST else int(status),
            key=step.key,
            reservation_id=step.reservation_id,
            seat_ids=step.seat_ids,
            method=step.method,
        )
        self.history.append(record)
        self.statuses[f"{step.op} {status}"] += 1
        self._recent.append(ended - due)
        self._load.answered(ended)
        return record

    def _go_on(self, turn: _Turn) -> None:
        answers, turn.answers = turn.answers, []
        try:
            wanted = turn.life.send(answers) if answers else next(turn.life)
        except StopIteration as end:
            self.outcomes[end.value] += 1
            self._living -= 1
            return
        steps = wanted if isinstance(wanted, tuple) else (wanted,)
        turn.missing = len(steps)
        for step in steps:
            # A sale without a gateway of its own has its pages where all else is.
            lane = self._lanes[-1] if step.at_gateway else self._site
            heapq.heappush(lane.due, (step.at, next(self._order), turn, step))

    def _print_progress(self, begun: float, now: float) -> None:
        recent, self._recent = self._recent, []
        sample: dict[str, Any] = self._sale.samples[-1] if self._sale.samples else {}
        errors = sum(n for name, n in self.statuses.items() if name.split()[1] >= "500")
        lost = sum(n for name, n in self.statuses.items() if name.endswith(LOST))
        took = latencies(recent) if recent else {"p50_ms": 0.0, "p99_ms": 0.0}
        line = {
            "begun": begun,
            "seconds": round(now - begun, 1),
            "waiting": sample.get("waiting", 0),
            "admitted": self._sale.counts["admitted"],
            "held": self._sale.counts["held"],
            "sold": self._sale.counts["sold"],
            "left": self._sale.for_sale,
            "seats": len(self._sale.wishes),
            "errors": errors + lost,
            "requests": len(recent),
            "p50_ms": round(took["p50_ms"], 1),
            "p99_ms": round(took["p99_ms"], 1),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def _summary(self, begun: float, ended: float) -> dict[str, Any]:
        sale = self._sale
        return {
            "begun": begun,
            "seconds": ended - begun,
            "sold_out_after": sale.sold_out_at - begun if sale.sold_out_at else None,
            "left": sale.for_sale,
            "outcomes": dict(self.outcomes),
            "statuses": dict(sorted(self.statuses.items())),
            "findings": sale.findings,
            "samples": sale.samples,
            "unknown": sum(one.outcome == UNKNOWN for one in self.history),
            "ok": sum(one.outcome == OK for one in self.history),
            "load": self._load.figures(len(self.history)),
        }
