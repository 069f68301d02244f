"""The views of giving bought seats up: the quote, and doing it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from idempotency.api import IdempotentRequest, idempotent
from kernel import clock
from kernel.caller import caller_of
from kernel.http.serializers import (
    BoundedListField,
    IdField,
    MoneySerializer,
    ProblemSerializer,
    StrictSerializer,
    UtcDateTimeField,
)
from payments.api import examples
from payments.api.serializers import PaidReservationSerializer
from payments.api.shared import IDEMPOTENCY, FanView, problem
from payments.refund_queries import DONE, PROCESSING
from payments.usecases import refunding
from reservations.policy import MAX_SEATS_PER_REQUEST

_CONFLICTS = (
    "reservation_not_cancellable",
    "already_cancelled",
    "cancellation_too_late",
    "ticket_used",
)


class SeatQuoteSerializer(serializers.Serializer[Any]):
    """What a seat gives back: `refund` is what was paid less the fee."""

    seat_id = serializers.UUIDField()
    paid = MoneySerializer()
    fee = MoneySerializer()
    refund = MoneySerializer()


class QuoteSerializer(serializers.Serializer[Any]):
    """What cancelling gives back now, for each seat that is left."""

    allowed_until = UtcDateTimeField(
        allow_null=True,
        help_text="From then on nothing is given back; null while nobody knows, as the performance "
        "is postponed.",
    )
    per_seat = SeatQuoteSerializer(many=True)


class CancelRequestSerializer(StrictSerializer):
    """Which bought seats to give up."""

    seat_ids = BoundedListField(
        child=IdField(),
        min_length=1,
        max_length=MAX_SEATS_PER_REQUEST,
        required=False,
        help_text="Left out: all that are left.",
    )


class CancellationSerializer(serializers.Serializer[Any]):
    """Seats given up, and the refund; PROCESSING until the gateway has given its part back.

    `points_amount` is a part of `refund`, and back at once.
    """

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=[DONE, PROCESSING])
    reservation = PaidReservationSerializer()
    seat_ids = serializers.ListField(child=serializers.UUIDField())
    paid = MoneySerializer()
    fee = MoneySerializer()
    refund = MoneySerializer()
    points_amount = MoneySerializer()
    created_at = UtcDateTimeField()


class QuoteView(FanView):
    """What cancelling would give back."""

    @extend_schema(
        operation_id="reservations_cancellation",
        tags=["reservations"],
        responses={
            200: QuoteSerializer,
            401: ProblemSerializer,
            404: problem("reservation_not_found"),
            409: problem(*_CONFLICTS),
        },
        examples=[OpenApiExample("10 %", examples.QUOTE, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request, reservation_id: UUID) -> Response:
        """Quote what cancelling a bought reservation of one's own gives back now."""
        now = clock.now()
        result = refunding.quote(
            reservation_id=reservation_id, user_id=caller_of(request).user_id, now=now
        )
        return Response(QuoteSerializer(result).data)


class CancelView(FanView):
    """Bought seats that their fan gives up."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="reservations_cancel",
        tags=["reservations"],
        request=CancelRequestSerializer,
        responses={
            200: CancellationSerializer,
            **IDEMPOTENCY,
            404: problem("reservation_not_found", "seats_not_in_reservation"),
            409: problem(*_CONFLICTS, "idempotency_in_progress"),
            503: problem("busy", "outcome_unknown", "service_unavailable"),
        },
        examples=[
            OpenApiExample("one seat", examples.CANCEL_REQUEST, request_only=True),
            OpenApiExample(
                "given up", examples.CANCELLATION, response_only=True, status_codes=["200"]
            ),
        ],
    )
    @idempotent(required=True, form=CancelRequestSerializer)
    def post(self, request: IdempotentRequest, reservation_id: UUID) -> Response:
        """Give bought seats up by the refund policy, all or some; they return to sale."""
        now = clock.now()
        result = refunding.cancel(
            reservation_id=reservation_id,
            user_id=caller_of(request).user_id,
            seat_ids=request.asked.get("seat_ids"),
            cancellation_id=request.idempotency.resource_id,
            request_key=request.idempotency.request_key,
            resumed=request.idempotency.resumed,
            now=now,
        )
        return Response(CancellationSerializer(result).data)
