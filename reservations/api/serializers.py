"""Forms of reservations in requests and answers."""

from typing import Any

from rest_framework import serializers

from concerts.models import Performance
from kernel.http.serializers import (
    BoundedListField,
    IdField,
    MoneySerializer,
    SpelledField,
    StrictSerializer,
    UtcDateTimeField,
)
from kernel.i18n import localized, text
from kernel.text.spelling import canonical
from reservations import policy

STATUSES = ["PENDING", "CONFIRMED", "EXPIRED", "RELEASED", "CANCELLED"]
SEAT_STATUSES = ["TEMPORARILY_RESERVED", "RESERVED", "EXPIRED", "RELEASED", "CANCELLED"]


class BestAvailableSerializer(StrictSerializer):
    """Neighbouring seats with the best view, wherever they are."""

    count = serializers.IntegerField(min_value=1, max_value=policy.MAX_SEATS_PER_REQUEST)
    grade = SpelledField(
        spelling=canonical,
        required=False,
        allow_null=True,
        max_length=20,
        help_text="A price grade's code.",
    )
    accessible = serializers.BooleanField(
        default=False, help_text="Accessible places and no others; without it, none of them."
    )


class HoldRequestSerializer(StrictSerializer):
    """Which seats to hold, all of them or none: chosen by hand, or the best there are."""

    performance_id = IdField()
    seat_ids = BoundedListField(
        child=IdField(),
        min_length=1,
        max_length=policy.MAX_SEATS_PER_REQUEST,
        help_text="Each seat once.",
        required=False,
    )
    best_available = BestAvailableSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take one way of choosing."""
        if ("seat_ids" in attrs) == ("best_available" in attrs):
            message = text(
                en="Name either seat_ids or best_available.",
                ko="seat_ids와 best_available 중 하나만 지정해 주세요.",
            )
            which = "best_available" if "seat_ids" in attrs else "seat_ids"
            raise serializers.ValidationError({which: [str(message)]})
        return attrs


class ReservationFilterSerializer(serializers.Serializer[Any]):
    """Which of the caller's reservations to list."""

    status = serializers.ChoiceField(choices=STATUSES, required=False)
    performance_id = serializers.UUIDField(required=False)


class PerformanceBriefSerializer(serializers.Serializer[Performance]):
    """A performance in the caller's language."""

    id = serializers.UUIDField()
    title = serializers.SerializerMethodField()
    starts_at = UtcDateTimeField()
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
    expires_at = UtcDateTimeField()
    extendable_until = UtcDateTimeField()
    payment = PaymentBriefSerializer(allow_null=True)
