"""The API of the sandbox: the calls of Toss Payments' REST API v1 that a shop makes."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from payments.sandbox import reading, refusals
from payments.sandbox.faults import Fault, Faults
from payments.sandbox.ledger import Ledger
from payments.sandbox.refusals import ApiRefusal
from payments.sandbox.schema import LedgerPayment

_DECLINED = "한도초과 혹은 잔액부족으로 결제에 실패했습니다."


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response: a status and a JSON object."""

    status: int
    document: dict[str, Any]


class PaymentsApi:
    """The calls; each meets its faults first, then does what it is to do in one transaction."""

    def __init__(self, ledger: Ledger, faults: Faults) -> None:
        self._ledger, self._faults = ledger, faults

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/payments: make the page of an order."""
        body = await reading.body_of(request)
        order_id = reading.order_id_in(body)
        facts: dict[str, Any] = {
            "order_id": order_id,
            "order_name": reading.text_in(body, "orderName", longest=100),
            "amount": reading.amount_in(body),
            "currency": reading.currency_in(body),
            "success_url": reading.url_in(body, "successUrl"),
            "fail_url": reading.url_in(body, "failUrl"),
        }

        def act(now: float) -> LedgerPayment:
            return self._ledger.create(**facts, now=now)

        return await self._respond(request, "open", order_id, act)

    async def approve(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/sandbox/approvals: agree in the customer's place, without a page."""
        body = await reading.body_of(request)
        order_id = reading.order_id_in(body)
        amount, currency = reading.amount_in(body), reading.currency_in(body)

        def act(now: float) -> LedgerPayment:
            row = self._ledger.create(
                order_id=order_id,
                order_name=order_id,
                amount=amount,
                currency=currency,
                success_url="about:blank",
                fail_url="about:blank",
                now=now,
            )
            return self._ledger.agree(row, now=now)

        return await self._respond(request, "approve", order_id, act)

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/payments/confirm: take the money of an order that the customer agreed to."""
        body = await reading.body_of(request)
        key = reading.text_in(body, "paymentKey", longest=200)
        order_id, amount = reading.order_id_in(body), reading.amount_in(body)

        def act(now: float) -> LedgerPayment:
            row = self._ledger.payment(key)
            if (row.order_id, row.amount) != (order_id, amount):
                raise refusals.invalid("결제 정보가 일치하지 않습니다.")
            if row.captured_at is not None:
                raise refusals.processed()
            if row.status == "READY":
                raise refusals.not_agreed()
            if row.status != "IN_PROGRESS":
                raise refusals.session_over()
            self._ledger.capture(row, now=now)
            return self._ledger.payment(key)

        return await self._respond(request, "confirm", order_id, act, payment_key=key)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/payments/{paymentKey}/cancel: give money back, all or a part."""
        body = await reading.body_of(request)
        reason = reading.text_in(body, "cancelReason", longest=200)
        amount = reading.amount_in(body, "cancelAmount") if "cancelAmount" in body else None
        row = self._ledger.payment(request.match_info["key"])

        def act(now: float) -> LedgerPayment:
            self._ledger.refund(row, amount, reason, now=now)
            return self._ledger.payment(row.payment_key)

        return await self._respond(request, "cancel", row.order_id, act)

    async def by_key(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/payments/{paymentKey}."""
        key = request.match_info["key"]
        return await self._respond(request, "find", "", lambda now: self._ledger.payment(key))

    async def by_order(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/payments/orders/{orderId}."""
        order_id = request.match_info["order_id"]
        return await self._respond(
            request, "find", order_id, lambda now: self._ledger.order(order_id)
        )

    async def _respond(
        self,
        request: web.Request,
        call: str,
        order_id: str,
        act: Callable[[float], LedgerPayment],
        *,
        payment_key: str = "",
    ) -> web.StreamResponse:
        fault = self._faults.take(call, order_id)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "error":
            code = "FAILED_INTERNAL_SYSTEM_PROCESSING"
            return _response(ApiResponse(fault.status, {"code": code, "message": "sandbox"}))
        if fault and fault.kind == "refuse":
            return _reset(request)
        now = time.time()
        self._ledger.advance(now=now)
        if fault and fault.kind == "late_approval":
            row = self._ledger.payment(payment_key) if payment_key else None
            if row and row.status == "IN_PROGRESS":
                self._ledger.capture_later(row, at=now + fault.seconds)
            return _reset(request)
        if fault and fault.kind == "decline":
            act = self._declining(payment_key, fault)
        outcome = self._once(call, request, await request.read(), act, now)
        if fault and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "reset":
            return _reset(request)
        return _response(outcome)

    def _declining(self, payment_key: str, fault: Fault) -> Callable[[float], LedgerPayment]:
        def act(now: float) -> LedgerPayment:
            row = self._ledger.payment(payment_key)
            if row.status == "IN_PROGRESS":
                self._ledger.fail(row, fault.code, _DECLINED, now=now)
            raise ApiRefusal(403, fault.code, _DECLINED)

        return act

    def _once(
        self,
        call: str,
        request: web.Request,
        body: bytes,
        act: Callable[[float], LedgerPayment],
        now: float,
    ) -> ApiResponse:
        """Act once for each Idempotency-Key; afterwards its first response comes again."""
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > 300:
            raise ApiRefusal(400, "INVALID_IDEMPOTENCY_KEY", "멱등키는 300자 이하여야 합니다.")
        wanted = f"{request.path} {body.decode('utf-8', 'replace')}"
        with self._ledger.transaction():
            found = self._ledger.response(call, key) if key else None
            if found:
                if found.request != wanted:
                    raise refusals.key_reused()
                return ApiResponse(found.status, json.loads(found.body))
            try:
                outcome = ApiResponse(200, self._ledger.document(act(now)))
            except ApiRefusal as refusal:
                outcome = _refused(refusal)
            if key:
                text = json.dumps(outcome.document, ensure_ascii=False)
                self._ledger.keep_response(call, key, wanted, outcome.status, text)
        return outcome


def _refused(refusal: ApiRefusal) -> ApiResponse:
    return ApiResponse(refusal.status, {"code": refusal.code, "message": refusal.message})


def _response(outcome: ApiResponse) -> web.Response:
    return web.json_response(outcome.document, status=outcome.status)


def _reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection: the caller learns nothing."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
