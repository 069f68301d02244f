"""The route by which a hold is given up: each in a transaction of its own, in a thread.

Few fans give a hold up, each waits for his own seats alone, and repeating it changes nothing: a
batch would save little.
"""

import asyncio
import re
from contextvars import copy_context
from functools import partial
from uuid import UUID

from accounts.api.permissions import IsFan
from fastpath.at_once import Threads
from fastpath.calls import Answer, Answered, Call, Route
from kernel import clock
from kernel.caller import Caller
from kernel.db.release import connections_released
from kernel.http.fast_path import PRIVATE, RawResponse, allow_header
from kernel.http.stands_for import StandsFor, check_declared
from kernel.outcomes import Outcome, outcome_of
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import limit_headers
from reservations.api.views import ReservationView
from reservations.usecases import holds

_LIMIT = "default"
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(ReservationView, "DELETE", permissions=(IsFan,), throttle_route=_LIMIT),)

_PATH = re.compile(
    r"/api/v1/reservations/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/"
)


class Releases:
    """The route of holds that are given up; to be used on one event loop."""

    def __init__(self, threads: Threads) -> None:
        check_declared(*STANDS_FOR)
        self._threads = threads
        self._allow = allow_header(ReservationView)

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        found = _PATH.fullmatch(path) if method == "DELETE" else None
        if found is None:
            return None
        return Route("reservation", self._allow, partial(self._release, UUID(found[1])))

    def _release(self, reservation_id: UUID, call: Call) -> Answer:
        caller = call.caller()
        if caller is None or call.body:
            return None
        refused = call.count_for(caller.user_id)
        if refused is not None:
            return refused
        spent = throttle.count_here(_LIMIT, call.user, now=call.seconds)
        if spent.wait is not None:
            return call.throttled(spent)
        return call.run(self._answer(reservation_id, call, caller, spent.headers))

    async def _answer(
        self, reservation_id: UUID, call: Call, caller: Caller, fields: tuple[str, str]
    ) -> Answered:
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._threads.alone, copy_context().run, _released, reservation_id, caller.user_id
        )
        if isinstance(outcome, Exception):
            return call.refusal(outcome, fields)
        return RawResponse(204, b"", [PRIVATE, *limit_headers(fields)])


@connections_released()
def _released(reservation_id: UUID, user_id: UUID) -> Outcome[None]:
    return outcome_of(
        holds.release, reservation_id=reservation_id, user_id=user_id, now=clock.now()
    )
