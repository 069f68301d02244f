"""Forms of reservations in requests and answers."""

from typing import Any

from rest_framework import serializers

from concerts.models import Performance
from kernel.api.serializers import IdField, MoneySerializer, StrictSerializer
from kernel.i18n import localized
from reservations import policy

STATUSES = ["PENDING", "CONFIRMED", "EXPIRED", "RELEASED", "CANCELLED"]
SEAT_STATUSES = ["TEMPORARILY_RESERVED", "RESERVED", "EXPIRED", "RELEASED", "CANCELLED"]


class HoldRequestSerializer(StrictSerializer):
    """Which seats to hold; all of them or none."""

    performance_id = IdField()
    seat_ids = serializers.ListField(
        child=IdField(),
        min_length=1,
        max_length=policy.MAX_SEATS_PER_REQUEST,
        help_text="Each seat once.",
    )


class ReservationFilterSerializer(serializers.Serializer[Any]):
    """Which of the caller's reservations to list."""

    status = serializers.ChoiceField(choices=STATUSES, required=False)
    performance_id = serializers.UUIDField(required=False)


class PerformanceBriefSerializer(serializers.Serializer[Performance]):
    """A performance in the caller's language."""

    id = serializers.UUIDField()
    title = serializers.SerializerMethodField()
    starts_at = serializers.DateTimeField()
    venue = serializers.SerializerMethodField(help_text="The hall's name.")

    def get_title(self, performance: Performance) -> str:
        return localized(performance.concert, "title")

    def get_venue(self, performance: Performance) -> str:
        return localized(performance.concert.venue, "name")


class ReservedSeatSerializer(serializers.Serializer[Any]):
    """A seat at the price it was held for; `section` is the section's code."""

    id = serializers.UUIDField(source="seat_id")
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()
    price = MoneySerializer()
    status = serializers.ChoiceField(choices=SEAT_STATUSES)


class PaymentBriefSerializer(serializers.Serializer[Any]):
    """The latest payment of a reservation."""

    id = serializers.UUIDField()
    status = serializers.CharField()


class ReservationSerializer(serializers.Serializer[Any]):
    """A reservation; `expires_at` and `extendable_until` matter while it is PENDING."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUSES)
    performance = PerformanceBriefSerializer()
    seats = ReservedSeatSerializer(many=True)
    amount = MoneySerializer()
    expires_at = serializers.DateTimeField()
    extendable_until = serializers.DateTimeField()
    payment = PaymentBriefSerializer(allow_null=True)
