"""The route of holds: seats by their ids or the best there are, held in batches.

In an on-sale most wishes lose: the seat is taken, and the claims say so in one call. What wins
shares its transaction with all who wait (Note [Batch of holds], Note [Decided at once]). Bodies
that are no hold are refused here as the view refuses them.
"""

from collections.abc import Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import translation
from rest_framework.exceptions import APIException

from accounts.api.permissions import IsFan
from fastpath.at_once import BatchesAtOnce, Threads
from fastpath.bodies import parsed_body, valid_body
from fastpath.calls import Answer, Answered, Call, Route
from fastpath.keys import Executed, Keys, keyed_post
from fastpath.requests import IDEMPOTENCY_KEY, QUEUE_TOKEN
from idempotency.requests import KeyedRequest, key_in
from idempotency.values import Lease
from kernel import clock
from kernel.caller import Caller
from kernel.errors import DomainError
from kernel.http.fast_path import JSON, PRIVATE, RawResponse, allow_header
from kernel.http.rendering import Renderer
from kernel.http.stands_for import StandsFor, check_declared
from kernel.ids import uuid7
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.telemetry import context
from reservations import policy
from reservations.api.serializers import HoldRequestSerializer, ReservationSerializer
from reservations.api.views import ReservationsView
from reservations.queries import ReservationDetail
from reservations.seating.chooser import Wish
from reservations.usecases import holds
from reservations.usecases.holds import HoldRequest
from reservations.usecases.holds.placement import Decision

# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(ReservationsView, "POST", permissions=(IsFan,), throttle_route=None),)

_PATH = "/api/v1/reservations/"
_UUID_LENGTH = 36
# One for all: a serializer copies its fields when it is made, which takes longer than a hold.
_SERIALIZER = ReservationSerializer()


class _Asked(NamedTuple):
    """What a fan asks for, and under which key."""

    keyed: KeyedRequest | None
    performance_id: UUID
    seat_ids: Sequence[UUID] = ()
    wish: Wish | None = None


class Holds:
    """The route of holds; to be used on one event loop."""

    def __init__(self, threads: Threads, keys: Keys) -> None:
        check_declared(*STANDS_FOR)
        self._keys = keys
        self._batches = BatchesAtOnce(
            _place_at_once, threads, most=policy.HOLDS_PER_BATCH, kind="hold"
        )
        self._route = Route("reservations", allow_header(ReservationsView), self._hold)

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        return self._route if method == "POST" and path == _PATH else None

    def _hold(self, call: Call) -> Answer:
        caller = call.sender()
        if not isinstance(caller, Caller):
            return caller
        asked = _asked_in(call, caller)
        if isinstance(asked, Exception):
            return call.refusal(asked)
        return call.run(self._answer(call, asked, caller))

    async def _answer(self, call: Call, asked: _Asked, caller: Caller) -> Answered:
        """Hold the seats; None for a defect, which the API meets again and reports.

        It may: what a failed hold had done is undone, and an unknown outcome is no defect.
        """
        with context.annotated() as annotations:
            try:
                if asked.keyed is None:
                    return (await self._hold_under(call, asked, caller, None)).response
                execute = partial(self._hold_under, call, asked, caller)
                return await self._keys.answer(call, asked.keyed, execute)
            finally:
                call.outcome = call.outcome._replace(**annotations)

    async def _hold_under(
        self, call: Call, asked: _Asked, caller: Caller, lease: Lease | None
    ) -> Executed:
        limit_status = RateLimitStatus()  # the claims' function counts
        request = HoldRequest(
            user_id=caller.user_id,
            performance_id=asked.performance_id,
            seat_ids=asked.seat_ids,
            reservation_id=lease.resource_id if lease else uuid7(),
            queue_token=call.own.get(QUEUE_TOKEN),
            client_ip=call.client_ip,
            limit_status=limit_status,
            context=copy_context(),
            wish=asked.wish,
            keyed=lease is not None,
            resumed=lease is not None and lease.resumed,
        )
        outcome = await self._batches.submit(request)
        if isinstance(outcome, Exception):
            return Executed(call.refusal(outcome, limit_status.fields), outcome)
        headers = [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)]
        return Executed(RawResponse(201, _rendered(outcome, call), headers))


def _asked_in(call: Call, caller: Caller) -> _Asked | Exception:
    """Return what is wanted, or why the view would refuse the request."""
    try:
        key = key_in(call.own.get(IDEMPOTENCY_KEY), required=False)
    except DomainError as error:
        return error
    parsed = parsed_body(call.body)
    asked = parsed if isinstance(parsed, APIException) else _asked(call, parsed)
    if key is None or isinstance(asked, APIException):
        return asked
    return asked._replace(keyed=keyed_post(key, caller, path=_PATH, body=parsed))


def _asked(call: Call, body: dict[str, Any]) -> _Asked | APIException:
    """Return which seats are wanted, or why the view would refuse the body."""
    usual = _usual(body)
    if usual is not None:
        return usual
    valid = valid_body(call.head.language, body, HoldRequestSerializer)
    if isinstance(valid, APIException):
        return valid
    best = valid.get("best_available")
    if best is None:
        return _Asked(None, valid["performance_id"], valid["seat_ids"])
    return _Asked(None, valid["performance_id"], wish=Wish(**best))


def _usual(body: dict[str, Any]) -> _Asked | None:
    """Return the wish for seats by their ids as most clients write it: its form is soon looked at.

    None where the body says anything else, or says it in another way.
    """
    if body.keys() != {"performance_id", "seat_ids"}:
        return None
    seats = body["seat_ids"]
    if not isinstance(seats, list) or not policy.fits_a_request(len(seats)):
        return None
    try:
        return _Asked(None, _uuid(body["performance_id"]), [_uuid(seat) for seat in seats])
    except ValueError:
        return None


def _uuid(value: object) -> UUID:
    """Return an id in its usual form; raises ValueError for others, which the view may take."""
    if not isinstance(value, str) or len(value) != _UUID_LENGTH:
        raise ValueError(value)
    return UUID(value)


def _place_at_once(requests: Sequence[HoldRequest]) -> list[Decision]:
    return holds.place_at_once(requests, now=clock.now())


def _rendered(held: ReservationDetail, call: Call) -> bytes:
    with translation.override(call.head.language):
        rendered: bytes = Renderer().render(_SERIALIZER.to_representation(held))
    return rendered
