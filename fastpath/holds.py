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
from rest_framework.exceptions import APIException, Throttled

from accounts.api.authentication import caller_in
from accounts.api.permissions import IsFan
from fastpath.at_once import BatchesAtOnce, Threads
from fastpath.bodies import parsed_body, valid_body
from fastpath.keys import HEADER, Executed, Keys, keyed_post
from fastpath.routes import OUTCOME, Route
from idempotency.requests import KeyedRequest, key_in
from idempotency.values import Lease
from kernel import clock
from kernel.caller import Caller, client_ip_in
from kernel.errors import DomainError
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
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import RateLimitStatus, limit_headers
from kernel.telemetry import context
from kernel.telemetry.access_log import RequestOutcome
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

    async def _hold(self, environ: dict[str, Any], body: bytes) -> RawResponse | None:
        if environ.get("CONTENT_TYPE") != JSON:
            return None
        caller = caller_in(environ, by_mac=True)
        if caller is None:
            return None
        asked = self._asked_in(environ, caller, body)
        if asked is None:
            return None
        if isinstance(asked, RawResponse):
            environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id))
            return asked
        with context.annotated() as annotations:
            try:
                return await self._answer(environ, asked, caller)
            finally:
                environ[OUTCOME] = RequestOutcome(user_id=str(caller.user_id), **annotations)

    async def _answer(
        self, environ: dict[str, Any], asked: _Asked, caller: Caller
    ) -> RawResponse | None:
        """Hold the seats; None for a defect, which the API meets again and reports.

        It may: what a failed hold had done is undone, and an unknown outcome is no defect.
        """
        if asked.keyed is None:
            return (await self._hold_under(environ, asked, caller, None)).response
        execute = partial(self._hold_under, environ, asked, caller)
        return await self._keys.answer(environ, asked.keyed, execute)

    async def _hold_under(
        self, environ: dict[str, Any], asked: _Asked, caller: Caller, lease: Lease | None
    ) -> Executed:
        limit_status = RateLimitStatus()  # the claims' function counts
        request = HoldRequest(
            user_id=caller.user_id,
            performance_id=asked.performance_id,
            seat_ids=asked.seat_ids,
            reservation_id=lease.resource_id if lease else uuid7(),
            queue_token=environ.get("HTTP_X_QUEUE_TOKEN"),
            client_ip=client_ip_in(environ),
            limit_status=limit_status,
            context=copy_context(),
            wish=asked.wish,
            keyed=lease is not None,
            resumed=lease is not None and lease.resumed,
        )
        outcome = await self._batches.submit(request)
        if isinstance(outcome, Exception):
            return Executed(refusal(outcome, environ, limit_status.fields), outcome)
        headers = [("Content-Type", JSON), PRIVATE, *limit_headers(limit_status.fields)]
        return Executed(RawResponse(201, _rendered(outcome, environ), headers))

    def _asked_in(
        self, environ: dict[str, Any], caller: Caller, body: bytes
    ) -> _Asked | RawResponse | None:
        """Return what is wanted, or the refusal of a request that is no hold; else None."""
        spent = throttle.count_person(environ, caller.user_id)
        if spent is not None:
            return refusal(Throttled(spent.wait), environ, spent.headers)
        if not body:
            return None
        try:
            key = key_in(environ.get(HEADER), required=False)
        except DomainError as error:
            return refusal(error, environ)
        parsed = parsed_body(body)
        asked = parsed if isinstance(parsed, APIException) else _asked(environ, parsed)
        if isinstance(asked, APIException):
            return refusal(asked, environ)
        if key is None:
            return asked
        keyed = keyed_post(key, caller, path=_PATH, body=parsed)
        return asked._replace(keyed=keyed)


def _asked(environ: dict[str, Any], body: dict[str, Any]) -> _Asked | APIException:
    """Return which seats are wanted, or why the view would refuse the body."""
    usual = _usual(body)
    if usual is not None:
        return usual
    valid = valid_body(environ, body, HoldRequestSerializer)
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


def _rendered(held: ReservationDetail, environ: dict[str, Any]) -> bytes:
    with translation.override(language(environ)):
        rendered: bytes = Renderer().render(_SERIALIZER.to_representation(held))
    return rendered
