"""The route of plain holds: a list of seats, held in batches.

In an on-sale most wishes lose: the seat is taken, and the claims say so in one call. What wins
shares its transaction with all who wait (Note [Batch of holds]); one batch is under way at a time,
and who would make it wait goes on in a thread of its own. Answered is the usual wish (Note
[Understood completely] in waiting_room.py): a list of seats, no Idempotency-Key. Bodies that are no
hold are refused here as the view refuses them.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any
from uuid import UUID

from django.utils import translation
from rest_framework.exceptions import APIException, Throttled

from accounts.api.authentication import caller_in
from accounts.api.permissions import IsFan
from fastpath.batcher import Batcher
from fastpath.bodies import form_refusal, parsed_body
from fastpath.routes import OUTCOME, ReadBody, Route
from kernel import clock
from kernel.caller import Caller, client_ip_in
from kernel.db.release import connections_released
from kernel.http.fast_path import (
    JSON,
    PRIVATE,
    RawResponse,
    allow_header,
    language,
    refusal,
)
from kernel.http.rendering import Renderer
from kernel.http.stands_for import StandsFor, check_declared
from kernel.ids import uuid7
from kernel.outcomes import Outcome
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.telemetry import context
from kernel.telemetry.access_log import RequestOutcome
from reservations import policy
from reservations.api.serializers import HoldRequestSerializer, ReservationSerializer
from reservations.api.views import ReservationsView
from reservations.queries import ReservationDetail
from reservations.usecases import holds

# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(ReservationsView, "POST", permissions=(IsFan,), throttle_route=None),)

_Wish = tuple[UUID, list[UUID]]
_PATH = "/api/v1/reservations/"
_UUID_LENGTH = 36
# One for all: a serializer copies its fields when it is made, which takes longer than a hold.
_SERIALIZER = ReservationSerializer()
_ALL = None  # the key of the batches: the holds of all performances share a transaction


class Holds:
    """The route of plain holds; to be used on one event loop.

    Batches run in `executor`, and those who wait for a lock in `waiting`, so that they hold up
    nobody else.
    """

    def __init__(self, executor: Executor, waiting: Executor) -> None:
        check_declared(*STANDS_FOR)
        self._waiting = waiting
        self._batches: Batcher[None, holds.HoldRequest, ReservationDetail | holds.Alone] = Batcher(
            _place_at_once, executor=executor, most=policy.HOLDS_PER_BATCH, kind="hold"
        )
        self._route = Route("reservations", allow_header(ReservationsView), self._hold)

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        return self._route if method == "POST" and path == _PATH else None

    async def _hold(self, environ: dict[str, Any], read_body: ReadBody) -> RawResponse | None:
        if environ.get("CONTENT_TYPE") != JSON:
            return None
        caller = caller_in(environ, by_mac=True)
        if caller is None:
            return None
        wish = await _wish_in(environ, caller, read_body)
        if wish is None:
            return None
        if isinstance(wish, RawResponse):
            environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id))
            return wish
        with context.annotated() as annotations:
            response = await self._placed(environ, wish, caller)
            environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id), **annotations)
        return response

    async def _placed(
        self, environ: dict[str, Any], wish: _Wish, caller: Caller
    ) -> RawResponse | None:
        """Place the hold; None for a defect, which the API meets again and reports.

        It may: what a failed hold had done is undone, and an unknown outcome is no defect.
        """
        limit_status = RateLimitStatus()  # the claims' function counts
        performance_id, seat_ids = wish
        request = holds.HoldRequest(
            user_id=caller.user_id,
            performance_id=performance_id,
            seat_ids=seat_ids,
            reservation_id=uuid7(),
            queue_token=environ.get("HTTP_X_QUEUE_TOKEN"),
            client_ip=client_ip_in(environ),
            limit_status=limit_status,
            context=copy_context(),
        )
        decision = await self._batches.submit(_ALL, request)
        if isinstance(decision, holds.Alone):
            loop = asyncio.get_running_loop()
            outcome = await loop.run_in_executor(self._waiting, _decide, decision)
        else:
            outcome = decision
        if isinstance(outcome, Exception):
            return refusal(outcome, environ, limit_status.fields)
        headers = [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)]
        return RawResponse(201, _rendered(outcome, environ), headers)


async def _wish_in(
    environ: dict[str, Any], caller: Caller, read_body: ReadBody
) -> _Wish | RawResponse | None:
    """Return which seats are wanted, or the refusal of a body that is no hold; else None."""
    spent = throttle.count_person(environ, caller.user_id)
    if spent is not None:
        return refusal(Throttled(spent.wait), environ, spent.headers)
    if not int(environ.get("CONTENT_LENGTH") or 0):
        return None
    asked = parsed_body(await read_body())
    if isinstance(asked, APIException):
        return refusal(asked, environ)
    wish = _wish(asked)
    if wish is None:
        error = form_refusal(environ, asked, HoldRequestSerializer)
        return None if error is None else refusal(error, environ)
    return wish


def _wish(asked: dict[str, Any]) -> _Wish | None:
    """Return which seats are wanted; None where the body says anything else."""
    if asked.keys() != {"performance_id", "seat_ids"}:
        return None
    seats = asked["seat_ids"]
    if not isinstance(seats, list) or not policy.fits_a_request(len(seats)):
        return None
    try:
        return _uuid(asked["performance_id"]), [_uuid(seat) for seat in seats]
    except ValueError:
        return None


def _uuid(value: object) -> UUID:
    """Return an id in its usual form; raises ValueError for others, which the view may take."""
    if not isinstance(value, str) or len(value) != _UUID_LENGTH:
        raise ValueError(value)
    return UUID(value)


@connections_released()
def _place_at_once(
    _key: None, requests: Sequence[holds.HoldRequest]
) -> "Sequence[Outcome[ReservationDetail | holds.Alone]]":
    return holds.place_at_once(requests, now=clock.now())


@connections_released()
def _decide(alone: holds.Alone) -> Outcome[ReservationDetail]:
    return alone.decide()


def _rendered(held: ReservationDetail, environ: dict[str, Any]) -> bytes:
    with translation.override(language(environ)):
        rendered: bytes = Renderer().render(_SERIALIZER.to_representation(held))
    return rendered
