"""The route of availability: which seats are free, one document for all who look.

Note [Copy in demand]
Fans who choose seats look again and again, and none of them should wait behind the crowd that
joins. So the service keeps the document of each performance that is being looked at, and answers
from the loop. A copy is replaced `RENEW_SECONDS` after the moment it shows, once, if it was used
meanwhile: a crowd costs one query of the primary each time, and who looks alone two. One older than
`USABLE_SECONDS` is sent to nobody, who then waits for the build under way. The gateway keeps what
it gets for a quarter of a second more (Note [Young answers] in its template), so what a fan reads
shows a moment at most a second ago. A refusal ends a copy.
"""

import asyncio
import re
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from catalogue.api.seat_views import AvailabilityView, availability_document
from fastpath.calls import SHORT_PATIENCE_SECONDS, Answer, Answered, Call, Route
from kernel import clock
from kernel.caching.responses import Rendered
from kernel.db.release import connections_released
from kernel.http.fast_path import JSON, PRIVATE, RawResponse, allow_header
from kernel.http.kept_refusals import CACHING, is_kept
from kernel.http.stands_for import StandsFor, check_declared
from kernel.outcomes import Outcome, outcome_of

RENEW_SECONDS = 0.4
USABLE_SECONDS = 0.7
_COPIES = 256  # performances that are looked at; those of further ones are built for each reader
_PATH = re.compile(
    r"/api/v1/performances/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"/availability/"
)
_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")  # the gateway judges them, and the API
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(AvailabilityView, "GET", permissions=(), throttle_route=None),)


@dataclass(slots=True)
class _Copy:
    """A document and the moment that it shows, by the loop's clock."""

    body: bytes
    etag: str
    cache_control: str
    since: float
    is_wanted: bool = False


class Availabilities:
    """The route of all performances; to be used on one event loop."""

    def __init__(self, executor: Executor) -> None:
        check_declared(*STANDS_FOR)
        self._executor = executor
        self._copies: dict[UUID, _Copy] = {}
        self._building: dict[UUID, asyncio.Task[Outcome[_Copy]]] = {}
        self._allow = allow_header(AvailabilityView)

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        found = _PATH.fullmatch(path) if method == "GET" else None
        if found is None:
            return None
        respond = partial(self._respond, UUID(found[1]))
        return Route(
            "availability", self._allow, respond, is_public=True, patience=SHORT_PATIENCE_SECONDS
        )

    def _respond(self, performance_id: UUID, call: Call) -> Answer:
        if any(name in call.head.environ for name in _CONDITIONS):
            return None
        copy = self._copies.get(performance_id)
        if copy is not None and asyncio.get_running_loop().time() - copy.since < USABLE_SECONDS:
            copy.is_wanted = True
            return _response(call, copy)
        return call.run(self._answer(performance_id, call))

    async def _answer(self, performance_id: UUID, call: Call) -> Answered:
        """Wait for what is being built, which goes on if this reader leaves."""
        return _response(call, await asyncio.shield(self._build_once(performance_id)))

    def _build_once(self, performance_id: UUID) -> "asyncio.Task[Outcome[_Copy]]":
        building = self._building.get(performance_id)
        if building is None:
            building = asyncio.get_running_loop().create_task(self._build(performance_id))
            self._building[performance_id] = building
        return building

    async def _build(self, performance_id: UUID) -> Outcome[_Copy]:
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            rendered = await loop.run_in_executor(self._executor, _rendered, performance_id)
        finally:
            del self._building[performance_id]
        if isinstance(rendered, Exception):
            self._copies.pop(performance_id, None)
            return rendered
        copy = _Copy(rendered.body, rendered.etag, rendered.cache_control, since)
        if performance_id in self._copies or len(self._copies) < _COPIES:
            self._copies[performance_id] = copy
            loop.call_at(since + RENEW_SECONDS, self._renew, performance_id, copy)
        return copy

    def _renew(self, performance_id: UUID, copy: _Copy) -> None:
        """Replace a copy that was used, and forget one that was not."""
        if self._copies.get(performance_id) is not copy:
            return
        if copy.is_wanted:
            self._build_once(performance_id)
        else:
            del self._copies[performance_id]


def _response(call: Call, outcome: Outcome[_Copy]) -> Answered:
    if not isinstance(outcome, Exception):
        caching = PRIVATE if call.is_personal else ("Cache-Control", outcome.cache_control)
        headers = [("Content-Type", JSON), ("ETag", outcome.etag), caching]
        return RawResponse(200, outcome.body, headers)
    response = call.refusal(outcome)
    if response is not None and is_kept(response.status) and not call.is_personal:
        response.headers.append(CACHING)
    return response


@connections_released()
def _rendered(performance_id: UUID) -> Outcome[Rendered]:
    return outcome_of(availability_document, performance_id, now=clock.now())
