"""The views of payments: begin one, show it, confirm or abandon it."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idempotency.api import IdempotentRequest, idempotent
from kernel import clock
from kernel.caller import caller_of
from kernel.http.serializers import ProblemSerializer
from payments import queries
from payments.api import examples
from payments.api.serializers import (
    ConfirmRequestSerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
)
from payments.api.shared import CONFIRMING, IDEMPOTENCY, FanView, problem
from payments.usecases import checkout


class PaymentsView(FanView):
    """Payments of the caller."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_create",
        tags=["payments"],
        request=PaymentRequestSerializer,
        responses={
            201: PaymentSerializer,
            **IDEMPOTENCY,
            404: problem("reservation_not_found"),
            409: problem(
                "reservation_expired",
                "reservation_not_payable",
                "insufficient_points",
                "payment_in_progress",
                "idempotency_in_progress",
            ),
            503: problem("gateway_unavailable", "busy", "outcome_unknown", "service_unavailable"),
        },
        examples=[
            OpenApiExample("by points", examples.PAYMENT_REQUEST, request_only=True),
            OpenApiExample("by card and points", examples.CARD_REQUEST, request_only=True),
            OpenApiExample("paid", examples.PAYMENT, response_only=True, status_codes=["201"]),
            OpenApiExample(
                "to be paid", examples.PAYMENT_TO_PAY, response_only=True, status_codes=["201"]
            ),
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
            return_url=request.asked.get("return_url"),
        )
        return Response(PaymentSerializer(result).data, status=201)


class PaymentView(FanView):
    """One payment of the caller."""

    @extend_schema(
        operation_id="payments_retrieve",
        tags=["payments"],
        responses={
            200: PaymentSerializer,
            401: ProblemSerializer,
            404: problem("payment_not_found"),
        },
        examples=[
            OpenApiExample("paid", examples.PAYMENT, response_only=True, status_codes=["200"]),
            OpenApiExample(
                "other seats on offer",
                examples.PAYMENT_OFFERED,
                response_only=True,
                status_codes=["200"],
            ),
        ],
    )
    def get(self, request: Request, payment_id: UUID) -> Response:
        """Show a payment; others' answer 404."""
        result = queries.payment(payment_id=payment_id, user_id=caller_of(request).user_id)
        return Response(PaymentSerializer(result).data)


class ConfirmView(FanView):
    """What comes back from the gateway's page."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_confirm",
        tags=["payments"],
        request=ConfirmRequestSerializer,
        responses={
            200: PaymentSerializer,
            **CONFIRMING,
            404: problem("payment_not_found"),
            409: problem(
                "reservation_expired", "reservation_not_payable", "idempotency_in_progress"
            ),
            503: problem("gateway_unavailable", "busy", "outcome_unknown", "service_unavailable"),
        },
        examples=[
            OpenApiExample("the key", examples.CONFIRM_REQUEST, request_only=True),
            OpenApiExample(
                "declined", examples.PAYMENT_FAILED, response_only=True, status_codes=["200"]
            ),
        ],
    )
    @idempotent(required=True, form=ConfirmRequestSerializer)
    def post(self, request: IdempotentRequest, payment_id: UUID) -> Response:
        """Take the money after the gateway's page; PROCESSING while nobody knows whether it was."""
        now = clock.now()
        result = checkout.confirm(
            payment_id=payment_id,
            user_id=caller_of(request).user_id,
            payment_key=request.asked["payment_key"],
            resumed=request.idempotency.resumed,
            now=now,
        )
        return Response(PaymentSerializer(result).data)


class AbandonView(FanView):
    """An attempt that its fan gives up."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_abandon",
        tags=["payments"],
        request=None,
        responses={
            200: PaymentSerializer,
            401: ProblemSerializer,
            404: problem("payment_not_found"),
            409: problem("payment_in_progress"),
            503: problem("busy", "outcome_unknown", "service_unavailable"),
        },
    )
    def post(self, request: Request, payment_id: UUID) -> Response:
        """Give an attempt up so that another may begin; repeatable until money may have moved."""
        now = clock.now()
        result = checkout.abandon(
            payment_id=payment_id, user_id=caller_of(request).user_id, now=now
        )
        return Response(PaymentSerializer(result).data)
