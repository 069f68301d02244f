"""The views of an offer of other seats: accept it, decline it."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.response import Response

from idempotency.api import IdempotentRequest, idempotent
from kernel import clock
from kernel.caller import caller_of
from payments.api import examples
from payments.api.serializers import NothingSerializer, PaymentSerializer
from payments.api.shared import IDEMPOTENCY, FanView, problem
from payments.usecases.checkout import offers

_RESPONSES = {
    200: PaymentSerializer,
    **IDEMPOTENCY,
    404: problem("payment_not_found", "offer_not_found"),
    409: problem("offer_expired", "idempotency_in_progress"),
    503: problem("busy", "outcome_unknown", "service_unavailable"),
}
_ACCEPTED = _RESPONSES | {
    503: problem("offer_not_checked", "busy", "outcome_unknown", "service_unavailable")
}


class AcceptOfferView(FanView):
    """Other seats that a fan takes for money that came late."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_offer_accept",
        tags=["payments"],
        request=None,
        responses=_ACCEPTED,
        examples=[
            OpenApiExample("paid", examples.PAYMENT, response_only=True, status_codes=["200"])
        ],
    )
    @idempotent(required=True, form=NothingSerializer)
    def post(self, request: IdempotentRequest, payment_id: UUID) -> Response:
        """Accept the seats on offer: the payment is PAID, and its tickets are issued."""
        now = clock.now()
        result = offers.accept(payment_id=payment_id, user_id=caller_of(request).user_id, now=now)
        return Response(PaymentSerializer(result).data)


class DeclineOfferView(FanView):
    """Other seats that a fan does not want."""

    throttle_route = {"POST": "pay"}

    @extend_schema(
        operation_id="payments_offer_decline",
        tags=["payments"],
        request=None,
        responses=_RESPONSES,
    )
    @idempotent(required=True, form=NothingSerializer)
    def post(self, request: IdempotentRequest, payment_id: UUID) -> Response:
        """Decline the seats on offer: the money goes back, PROCESSING until it has arrived."""
        now = clock.now()
        result = offers.decline(payment_id=payment_id, user_id=caller_of(request).user_id, now=now)
        return Response(PaymentSerializer(result).data)
