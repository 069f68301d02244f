"""The form of one's own settings in requests and responses."""

from typing import Any

from rest_framework import serializers

from accounts import phones
from kernel.http.serializers import SpelledField, StrictSerializer
from kernel.text.spelling import composed

LONGEST_NAME = 100


class PhoneField(serializers.CharField):
    """A telephone number, brought into its one spelling."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return phones.normalize(super().to_internal_value(data))
        except phones.PhoneInvalid:
            raise serializers.ValidationError([str(phones.MESSAGE)]) from None


class MeChangeSerializer(StrictSerializer):
    """What to change; what is left out stays."""

    display_name = SpelledField(
        spelling=composed,
        max_length=LONGEST_NAME,
        allow_blank=True,
        help_text="The name on tickets, as the door reads it; at most 100 characters.",
    )
    language = serializers.ChoiceField(choices=["ko", "en"], help_text="Of letters.")
    phone = PhoneField(
        allow_blank=True,
        max_length=phones.LONGEST_TYPED,
        help_text="7 to 15 digits, with + before a country's; blanks and hyphens are dropped.",
    )
    extra_time = serializers.BooleanField(
        help_text="I need more time: holds made from now on may be extended up to the sale "
        "policy's longer cap."
    )


class MeSerializer(serializers.Serializer[Any]):
    """One's own settings."""

    display_name = serializers.CharField()
    language = serializers.ChoiceField(choices=["ko", "en"])
    phone = serializers.CharField(help_text="Empty where none is given.")
    extra_time = serializers.BooleanField()
