"""The views of charges: points that fans buy."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

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
    ConfirmRequestSerializer,
)
from payments.api.shared import CONFIRMING, IDEMPOTENCY, FanView, problem
from payments.usecases import charging


class ChargesView(FanView):
    """Points the caller buys."""

    throttle_route = {"POST": "charge"}

    @extend_schema(
        operation_id="points_charges_create",
        tags=["points"],
        request=ChargeRequestSerializer,
        responses={
            201: ChargeSerializer,
            **IDEMPOTENCY,
            409: problem("idempotency_in_progress"),
            503: problem("charging_unavailable", "busy", "outcome_unknown", "service_unavailable"),
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
            request_key=request.idempotency.request_key,
            resumed=request.idempotency.resumed,
            now=now,
            return_url=request.asked.get("return_url"),
        )
        return Response(ChargeSerializer(result).data, status=201)


class ChargeView(FanView):
    """One charge of the caller."""

    @extend_schema(
        operation_id="points_charges_retrieve",
        tags=["points"],
        responses={
            200: ChargeSerializer,
            401: ProblemSerializer,
            404: problem("charge_not_found"),
        },
        examples=[
            OpenApiExample("charged", examples.CHARGE, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request, charge_id: UUID) -> Response:
        """Show a charge; others' answer 404."""
        result = queries.charge(charge_id=charge_id, user_id=caller_of(request).user_id)
        return Response(ChargeSerializer(result).data)


class ConfirmChargeView(FanView):
    """What comes back from the gateway's page."""

    throttle_route = {"POST": "charge"}

    @extend_schema(
        operation_id="points_charges_confirm",
        tags=["points"],
        request=ConfirmRequestSerializer,
        responses={
            200: ChargeSerializer,
            **CONFIRMING,
            404: problem("charge_not_found"),
            409: problem("idempotency_in_progress"),
            503: problem("charging_unavailable", "busy", "outcome_unknown", "service_unavailable"),
        },
        examples=[OpenApiExample("the key", examples.CONFIRM_REQUEST, request_only=True)],
    )
    @idempotent(required=True, form=ConfirmRequestSerializer)
    def post(self, request: IdempotentRequest, charge_id: UUID) -> Response:
        """Take the money for points after the gateway's page; PROCESSING while nobody knows."""
        now = clock.now()
        result = charging.confirm(
            charge_id=charge_id,
            user_id=caller_of(request).user_id,
            payment_key=request.asked["payment_key"],
            resumed=request.idempotency.resumed,
            now=now,
        )
        return Response(ChargeSerializer(result).data)
