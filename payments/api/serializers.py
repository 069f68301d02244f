"""The bodies of requests and responses about money."""

from typing import Any

from rest_framework import serializers

from kernel.http.serializers import IdField, MoneySerializer, StrictSerializer, UtcDateTimeField
from payments import policy
from payments.api.fields import ReturnURLField, WholeNumberField
from payments.models import Payment
from reservations.models import Reservation

STATUSES = ["PAID", "REQUIRES_ACTION", "PROCESSING", "FAILED"]


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


class PaymentSerializer(serializers.Serializer[Any]):
    """A payment as its fan sees it."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    amount = MoneySerializer()
    points_amount = MoneySerializer()
    reservation = PaidReservationSerializer()
    created_at = UtcDateTimeField()


class ChargeRequestSerializer(StrictSerializer):
    """Buy points."""

    amount = WholeNumberField(
        min_value=policy.CHARGE_MINIMUM,
        max_value=policy.CHARGE_MAXIMUM,
        help_text="Points, one KRW each.",
    )
    return_url = ReturnURLField(required=False)


class ChargeSerializer(serializers.Serializer[Any]):
    """Points bought, and the balance they left."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)
    amount = MoneySerializer()
    balance = MoneySerializer()
    created_at = UtcDateTimeField()
