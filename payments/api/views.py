"""Pay, and buy points."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from idempotency.api import idempotent
from idempotency.usecases.attempts import Attempt
from kernel import clock
from kernel.api.caller import Caller
from kernel.api.serializers import ProblemSerializer
from kernel.money import Money
from payments import queries
from payments.api.serializers import (
    ChargeRequestSerializer,
    ChargeSerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
)
from payments.models import Payment
from payments.usecases import charging, checkout

_RESERVATION = "0199d3a0-5c1e-7c55-9d0a-2f6f1f7f0a11"
_PAYMENT_EXAMPLE = {
    "id": "0199d3a1-0a4b-7e0c-8a55-1c2d3e4f5a6b",
    "status": "PAID",
    "method": "POINTS",
    "amount": {"amount": 300000, "currency": "KRW"},
    "points_amount": {"amount": 300000, "currency": "KRW"},
    "reservation": {
        "id": _RESERVATION,
        "status": "CONFIRMED",
        "performance_id": "0199d39f-11aa-7b1c-9e4f-0a1b2c3d4e5f",
    },
    "created_at": "2026-11-21T11:00:00.000Z",
}
_CHARGE_EXAMPLE = {
    "id": "0199d3a1-77de-7a3b-b1c2-d3e4f5a6b7c8",
    "status": "PAID",
    "amount": {"amount": 50000, "currency": "KRW"},
    "balance": {"amount": 550000, "currency": "KRW"},
    "created_at": "2026-11-21T11:00:00.000Z",
}


def _problem(*codes: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description=", ".join(f"`{code}`" for code in codes))


_IDEMPOTENCY = {
    400: _problem(
        "validation_failed",
        "malformed_json",
        "idempotency_key_required",
        "idempotency_key_invalid",
        "points_amount_mismatch",
    ),
    401: ProblemSerializer,
    415: ProblemSerializer,
    422: _problem("idempotency_key_reused"),
}


class PaymentsView(APIView):
    """Payments of the caller."""

    permission_classes = (IsFan,)
    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_create",
        tags=["payments"],
        request=PaymentRequestSerializer,
        responses={
            201: PaymentSerializer,
            **_IDEMPOTENCY,
            404: _problem("reservation_not_found"),
            409: _problem(
                "reservation_expired",
                "reservation_not_payable",
                "insufficient_points",
                "payment_in_progress",
                "idempotency_in_progress",
            ),
            503: _problem("gateway_unavailable", "busy", "service_unavailable"),
        },
        examples=[
            OpenApiExample(
                "by points",
                {"reservation_id": _RESERVATION, "method": "POINTS"},
                request_only=True,
            ),
            OpenApiExample("paid", _PAYMENT_EXAMPLE, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent(required=True, form=PaymentRequestSerializer)
    def post(self, request: Request) -> Response:
        """Pay for a held reservation of one's own; needs no queue token."""
        now = clock.now()
        asked: dict[str, Any] = request.asked  # type: ignore[attr-defined]
        caller: Caller = request.user  # type: ignore[assignment]
        attempt: Attempt = request.idempotency  # type: ignore[attr-defined]
        result = checkout.begin(
            user_id=caller.user_id,
            reservation_id=asked["reservation_id"],
            method=Payment.Method(asked["method"]),
            points_amount=asked.get("points_amount"),
            payment_id=attempt.resource_id,
            request_key=attempt.request_key,
            resumed=attempt.resumed,
            now=now,
        )
        return Response(PaymentSerializer(result).data, status=201)


class PaymentView(APIView):
    """One payment of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="payments_retrieve",
        tags=["payments"],
        responses={
            200: PaymentSerializer,
            401: ProblemSerializer,
            404: _problem("payment_not_found"),
        },
        examples=[
            OpenApiExample("paid", _PAYMENT_EXAMPLE, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, payment_id: UUID) -> Response:
        """Show a payment; others' answer 404."""
        caller: Caller = request.user  # type: ignore[assignment]
        result = queries.payment(payment_id=payment_id, user_id=caller.user_id)
        return Response(PaymentSerializer(result).data)


class ChargesView(APIView):
    """Points the caller buys."""

    permission_classes = (IsFan,)
    throttle_route = {"POST": "charge"}

    @extend_schema(
        operation_id="points_charges_create",
        tags=["points"],
        request=ChargeRequestSerializer,
        responses={
            201: ChargeSerializer,
            **_IDEMPOTENCY,
            409: _problem("idempotency_in_progress"),
            503: _problem("charging_unavailable", "busy", "service_unavailable"),
        },
        examples=[
            OpenApiExample("50,000 points", {"amount": 50000}, request_only=True),
            OpenApiExample("charged", _CHARGE_EXAMPLE, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent(required=True, form=ChargeRequestSerializer)
    def post(self, request: Request) -> Response:
        """Buy points; the first charge opens the account."""
        now = clock.now()
        asked: dict[str, Any] = request.asked  # type: ignore[attr-defined]
        caller: Caller = request.user  # type: ignore[assignment]
        attempt: Attempt = request.idempotency  # type: ignore[attr-defined]
        result = charging.charge(
            user_id=caller.user_id,
            amount=Money(asked["amount"]),
            charge_id=attempt.resource_id,
            request_key=attempt.request_key,
            resumed=attempt.resumed,
            now=now,
        )
        return Response(ChargeSerializer(result).data, status=201)


class ChargeView(APIView):
    """One charge of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="points_charges_retrieve",
        tags=["points"],
        responses={
            200: ChargeSerializer,
            401: ProblemSerializer,
            404: _problem("charge_not_found"),
        },
        examples=[
            OpenApiExample("charged", _CHARGE_EXAMPLE, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, charge_id: UUID) -> Response:
        """Show a charge; others' answer 404."""
        caller: Caller = request.user  # type: ignore[assignment]
        result = queries.charge(charge_id=charge_id, user_id=caller.user_id)
        return Response(ChargeSerializer(result).data)
