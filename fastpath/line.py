"""Which joins meet in one process, where several of a kind stand behind the gateways.

Note [One process a line]
The order of arrival is the order of the line in one process alone: two that serve the same room
take turns at the queue server. So the gateway marks a join that it has sent to any of them, and the
process that gets it answers by the location @line, from which the gateway asks the process that the
performance chooses (Note [One line] in its template). Before the opening numbers are drawn, and who
came first changes nothing: there every process answers what it gets. Whether a room has opened is
read from its public status, which is at most a second old; a process that does not know it looks it
up, and meanwhile sends on.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from uuid import UUID

from fastpath.calls import Call
from fastpath.requests import QUEUE_LINE
from queueing.usecases import waiting_room

# The line begins as much before the opening: other processes' clocks are not quite this one's.
_BEFORE = timedelta(seconds=2)
_LOOKS = 64  # under way at a time; beyond, joins are sent on


class SaleLines:
    """The lines of all rooms; to be used on one event loop.

    `look` reads a room's status, so that it is known here from then on.
    """

    def __init__(self, executor: Executor, look: Callable[[UUID], object]) -> None:
        self._executor, self._look = executor, look
        self._looking: set[UUID] = set()

    def is_elsewhere(self, performance_id: UUID, call: Call) -> bool:
        """Return whether a join has to be sent on (Note [One process a line])."""
        if QUEUE_LINE not in call.own:
            return False
        status = waiting_room.known_status(performance_id)
        if status is None:
            self._begin_look(performance_id)
            return True
        opens_at = status.admission_opens_at
        return opens_at is None or call.now >= opens_at - _BEFORE

    def _begin_look(self, performance_id: UUID) -> None:
        if performance_id in self._looking or len(self._looking) >= _LOOKS:
            return
        self._looking.add(performance_id)
        looked = self._executor.submit(self._look, performance_id)
        looked.add_done_callback(lambda _: self._looking.discard(performance_id))
