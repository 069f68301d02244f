"""The route of payments: those by points alone, settled in batches.

Answered is a payment by points (Note [Batch of payments], Note [Decided at once]), with the
Idempotency-Key that every payment needs, and refused is what the view refuses. One by card waits
for its gateway, which is no batch's: it goes to the API, uncounted, because the limit of payments
is one for all processes.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import translation
from rest_framework.exceptions import APIException

from accounts.api.permissions import IsFan
from fastpath.at_once import BatchesAtOnce, Threads
from fastpath.bodies import parsed_body, valid_body
from fastpath.calls import Answer, Answered, Call, Route
from fastpath.keys import Executed, Keys, keyed_post
from fastpath.requests import IDEMPOTENCY_KEY
from idempotency.requests import key_in
from idempotency.values import Lease
from kernel import clock
from kernel.caller import Caller
from kernel.errors import DomainError
from kernel.http.fast_path import JSON, PRIVATE, RawResponse, allow_header
from kernel.http.rendering import Renderer
from kernel.http.stands_for import StandsFor, check_declared
from kernel.outcomes import Outcome
from kernel.rate_limiting import throttle
from kernel.rate_limiting.headers import limit_headers
from kernel.rate_limiting.throttle import ThrottleResult
from payments import policy
from payments.api.serializers import PaymentRequestSerializer, PaymentSerializer
from payments.api.views import PaymentsView
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases import checkout
from payments.usecases.checkout import BeginAlone, Order

_LIMIT = "pay"
# What is checked below (Note [Fast paths stand for views] in kernel/http/stands_for.py).
STANDS_FOR = (StandsFor(PaymentsView, "POST", permissions=(IsFan,), throttle_route=_LIMIT),)

_PATH = "/api/v1/payments/"
# One for all: a serializer copies its fields when it is made.
_SERIALIZER = PaymentSerializer()


class Payments:
    """The route of payments by points; to be used on one event loop."""

    def __init__(self, threads: Threads, keys: Keys) -> None:
        check_declared(*STANDS_FOR)
        self._keys = keys
        most = policy.PAYMENTS_PER_BATCH
        self._counts = BatchesAtOnce(_count_at_once, threads, most=most, kind="payment_count")
        self._batches = BatchesAtOnce(_begin_at_once, threads, most=most, kind="payment")
        self._route = Route("payments", allow_header(PaymentsView), self._pay)

    def route_of(self, method: str, path: str) -> Route | None:
        """Return the route of a request; None for every other one."""
        return self._route if method == "POST" and path == _PATH else None

    def _pay(self, call: Call) -> Answer:
        caller = call.sender()
        if not isinstance(caller, Caller):
            return caller
        parsed = parsed_body(call.body)
        if isinstance(parsed, APIException):
            asked: dict[str, Any] | APIException = parsed
        else:
            asked = valid_body(call.head.language, parsed, PaymentRequestSerializer)
        if not isinstance(asked, APIException) and asked["method"] != Payment.Method.POINTS:
            return None
        return call.run(self._answer(call, caller, parsed, asked))

    async def _answer(
        self,
        call: Call,
        caller: Caller,
        parsed: dict[str, Any] | APIException,
        asked: dict[str, Any] | APIException,
    ) -> Answered:
        """Count the call, and answer it as the view does: limit, then key, then body."""
        counted = await self._counts.submit(caller.user_id)
        if isinstance(counted, Exception):
            return None
        if counted.wait is not None:
            return call.throttled(counted)
        try:
            key = key_in(call.own.get(IDEMPOTENCY_KEY), required=True)
        except DomainError as error:
            return call.refusal(error, counted.headers)
        if isinstance(asked, APIException):
            return call.refusal(asked, counted.headers)
        assert key is not None
        keyed = keyed_post(key, caller, path=_PATH, body=parsed)
        execute = partial(self._pay_under, call, asked, caller, counted)
        return await self._keys.answer(call, keyed, execute, counted.headers)

    async def _pay_under(
        self,
        call: Call,
        asked: dict[str, Any],
        caller: Caller,
        counted: ThrottleResult,
        lease: Lease,
    ) -> Executed:
        order = Order(
            user_id=caller.user_id,
            reservation_id=asked["reservation_id"],
            points_amount=asked.get("points_amount"),
            payment_id=lease.resource_id,
            request_key=lease.request_key,
            resumed=lease.resumed,
        )
        outcome = await self._batches.submit(order)
        if isinstance(outcome, Exception):
            return Executed(call.refusal(outcome, counted.headers), outcome)
        headers = [("Content-Type", JSON), PRIVATE, *limit_headers(counted.headers)]
        return Executed(RawResponse(201, _rendered(outcome, call), headers))


def _count_at_once(user_ids: Sequence[UUID]) -> list[Outcome[ThrottleResult]]:
    """Count a call of each, in a thread: other processes count the same ones, by a server."""
    return list(throttle.count_many(_LIMIT, [str(user_id) for user_id in user_ids]))


def _begin_at_once(orders: Sequence[Order]) -> list[Outcome[PaymentResult] | BeginAlone]:
    return checkout.begin_at_once(orders, now=clock.now())


def _rendered(paid: PaymentResult, call: Call) -> bytes:
    with translation.override(call.head.language):
        rendered: bytes = Renderer().render(_SERIALIZER.to_representation(paid))
    return rendered
