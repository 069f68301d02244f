"""Calls that wait too long hear so before the gateway gives the whole process up.

Note [Late calls]
Where the gateway has waited too long for one response, it counts the process as failed for every
fan. A call may come to that without a fault of the process: a commit that waits for its copy on a
standby holds up all who wait behind it. So each call hears earlier (`Route.patience`) that its
outcome is not known, and is from then on like that of a client who left: what has begun goes to its
end, what has not is left out of its batch. The same request under the same Idempotency-Key finds
out which it was. What changes nothing is handed over to the API instead.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from fastpath.calls import Call
from fastpath.http_connection import Reply

LOOK_SECONDS = 0.5

_Answer: TypeAlias = "asyncio.Future[Any]"


class LateCalls:
    """The calls that have no response yet; to be used on one event loop.

    `refuse` is called with each that is late, before its answer is cancelled.
    """

    def __init__(self, refuse: Callable[[Call, Reply], None]) -> None:
        self._refuse = refuse
        # By patience, and so the oldest of each first.
        self._waiting: dict[float, dict[_Answer, tuple[Call, Reply]]] = defaultdict(dict)
        self._next_look: asyncio.TimerHandle | None = None

    def watch(self, call: Call, answer: _Answer, reply: Reply) -> None:
        """Look after a call until its answer is there."""
        waiting = self._waiting[call.head.route.patience]
        waiting[answer] = call, reply
        answer.add_done_callback(waiting.pop)
        if self._next_look is None:
            self._look_later()

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Refuse who is late; look again as long as somebody waits."""
        self._next_look = None
        late = list(self._late(time.perf_counter()))
        if any(self._waiting.values()):
            self._look_later()
        # Only now: the connection of who is refused may bring its next request at once.
        for answer, call, reply in late:
            call.is_answered = True
            self._refuse(call, reply)
            answer.cancel()

    def _late(self, now: float) -> Iterator[tuple[_Answer, Call, Reply]]:
        for patience, waiting in self._waiting.items():
            for answer, (call, reply) in waiting.items():
                if now - call.started < patience:
                    break
                if not call.is_answered:
                    yield answer, call, reply
