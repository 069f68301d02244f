"""The views of payments and of charges: begin one, show one."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from idempotency.api import IdempotentRequest, idempotent
from kernel import clock
from kernel.caller import caller_of
from kernel.http.serializers import ProblemSerializer
from kernel.money import Money
from payments import queries
from payments.api import examples
from payments.api.serializers import (
    ChargeRequestSerializer,
    ChargeSerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
)
from payments.usecases import charging, checkout


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


class _FanView(APIView):
    """What only a fan may do, with his own money."""

    permission_classes = (IsFan,)


class PaymentsView(_FanView):
    """Payments of the caller."""

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
            OpenApiExample("by points", examples.PAYMENT_REQUEST, request_only=True),
            OpenApiExample("paid", examples.PAYMENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent(required=True, form=PaymentRequestSerializer)
    def post(self, request: IdempotentRequest) -> Response:
        """Pay for a held reservation of one's own; needs no queue token."""
        now = clock.now()
        result = checkout.begin(
            user_id=caller_of(request).user_id,
            reservation_id=request.asked["reservation_id"],
            method=request.asked["method"],
            points_amount=request.asked.get("points_amount"),
            payment_id=request.idempotency.resource_id,
            request_key=request.idempotency.request_key,
            resumed=request.idempotency.resumed,
            now=now,
        )
        return Response(PaymentSerializer(result).data, status=201)


class PaymentView(_FanView):
    """One payment of the caller."""

    @extend_schema(
        operation_id="payments_retrieve",
        tags=["payments"],
        responses={
            200: PaymentSerializer,
            401: ProblemSerializer,
            404: _problem("payment_not_found"),
        },
        examples=[
            OpenApiExample("paid", examples.PAYMENT, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, payment_id: UUID) -> Response:
        """Show a payment; others' answer 404."""
        result = queries.payment(payment_id=payment_id, user_id=caller_of(request).user_id)
        return Response(PaymentSerializer(result).data)


class ChargesView(_FanView):
    """Points the caller buys."""

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
            OpenApiExample("50,000 points", examples.CHARGE_REQUEST, request_only=True),
            OpenApiExample("charged", examples.CHARGE, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent(required=True, form=ChargeRequestSerializer)
    def post(self, request: IdempotentRequest) -> Response:
        """Buy points; the first charge opens the account."""
        now = clock.now()
        result = charging.charge(
            user_id=caller_of(request).user_id,
            amount=Money(request.asked["amount"]),
            charge_id=request.idempotency.resource_id,
            request_key=request.idempotency.request_key,
            resumed=request.idempotency.resumed,
            now=now,
        )
        return Response(ChargeSerializer(result).data, status=201)


class ChargeView(_FanView):
    """One charge of the caller."""

    @extend_schema(
        operation_id="points_charges_retrieve",
        tags=["points"],
        responses={
            200: ChargeSerializer,
            401: ProblemSerializer,
            404: _problem("charge_not_found"),
        },
        examples=[
            OpenApiExample("charged", examples.CHARGE, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, charge_id: UUID) -> Response:
        """Show a charge; others' answer 404."""
        result = queries.charge(charge_id=charge_id, user_id=caller_of(request).user_id)
        return Response(ChargeSerializer(result).data)
