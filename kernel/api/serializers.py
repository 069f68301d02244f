"""Serializer bases and fields that every app's API shares."""

from typing import Any

from rest_framework import serializers

from kernel.i18n import text


class StrictSerializer(serializers.Serializer[Any]):
    """A request body whose unknown members are refused instead of silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                message = text(en="Unknown field.", ko="알 수 없는 항목입니다.")
                raise serializers.ValidationError({name: [str(message)] for name in unknown})
        return super().to_internal_value(data)


class IdField(serializers.UUIDField):
    """An id as text; DRF's own field would take the number 7 for a UUID too."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class MoneySerializer(serializers.Serializer[Any]):
    """Money in minor units and its ISO 4217 currency; reads `kernel.money.Money`."""

    amount = serializers.IntegerField(help_text="Minor units; KRW has none.")
    currency = serializers.CharField(min_length=3, max_length=3)


class ProblemItemSerializer(serializers.Serializer[Any]):
    """One invalid place in a request body."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) into the body.")
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An RFC 9457 problem document; codes and their extra members are in docs/errors.md."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    errors = ProblemItemSerializer(many=True, required=False)  # type: ignore[assignment]
    retry_after = serializers.IntegerField(required=False)
