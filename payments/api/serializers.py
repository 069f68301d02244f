"""The bodies of requests and responses about money."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import IdField, MoneySerializer, StrictSerializer, UtcDateTimeField
from payments import policy
from payments.api.fields import PaymentKeyField, ReturnURLField, WholeNumberField
from payments.models import Payment
from payments.public import FAILED, PAID, PROCESSING, REQUIRES_ACTION
from reservations.models import Reservation

STATUSES = [PAID, REQUIRES_ACTION, PROCESSING, FAILED]


class PaymentRequestSerializer(StrictSerializer):
    """Pay for a reservation."""

    reservation_id = IdField()
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    points_amount = WholeNumberField(
        required=False,
        min_value=0,
        max_value=2**53 - 1,
        help_text="The part to pay by points; with POINTS it is all of it.",
    )
    return_url = ReturnURLField(required=False)


class PaidReservationSerializer(serializers.Serializer[Any]):
    """What is paid for."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Reservation.Status.choices)
    performance_id = serializers.UUIDField()


class FailureSerializer(serializers.Serializer[Any]):
    """Why an attempt ended without money; `charged` is always false."""

    code = serializers.CharField()
    message = serializers.CharField()
    charged = serializers.BooleanField()


class OfferedSeatSerializer(serializers.Serializer[Any]):
    """A seat on offer, at the price that was paid; `section` is the section's code."""

    id = serializers.UUIDField(source="seat_id")
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()
    price = MoneySerializer()


class OfferSerializer(serializers.Serializer[Any]):
    """Other seats, held until then for money that came when the chosen ones were gone."""

    reservation_id = serializers.UUIDField()
    seats = OfferedSeatSerializer(many=True)
    until = UtcDateTimeField()


class _WithoutNulls(serializers.Serializer[Any]):
    """Leaves out the optional members that have nothing to say."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return {
            name: value
            for name, value in shown.items()
            if value is not None or self.fields[name].required
        }


class ConfirmRequestSerializer(StrictSerializer):
    """What the gateway's page sent back."""

    payment_key = PaymentKeyField(
        help_text="`paymentKey` of the URL to which the gateway sent the browser back.",
    )


class PaymentSerializer(_WithoutNulls):
    """A payment as its fan sees it.

    REQUIRES_ACTION comes with the gateway's page and the order there, FAILED with the failure.
    `offer`: what the fan may accept or decline; unanswered, the money goes back.
    """

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    amount = MoneySerializer()
    points_amount = MoneySerializer()
    reservation = PaidReservationSerializer()
    created_at = UtcDateTimeField()
    checkout_url = serializers.URLField(required=False)
    order_id = serializers.CharField(required=False)
    failure = FailureSerializer(required=False)
    offer = OfferSerializer(allow_null=True)


class NothingSerializer(StrictSerializer):
    """A body without members."""


class ChargeRequestSerializer(StrictSerializer):
    """Buy points."""

    amount = WholeNumberField(
        min_value=policy.CHARGE_MINIMUM,
        max_value=policy.CHARGE_MAXIMUM,
        help_text="Points, one KRW each.",
    )
    return_url = ReturnURLField(required=False)


class ChargeSerializer(_WithoutNulls):
    """Points bought, and the balance they left; what else it has is as of a payment."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)
    amount = MoneySerializer()
    balance = MoneySerializer()
    created_at = UtcDateTimeField()
    checkout_url = serializers.URLField(required=False)
    order_id = serializers.CharField(required=False)
    failure = FailureSerializer(required=False)
