"""Serializer bases and fields that every app's API shares."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import DateTimeField, Model
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kernel import clock
from kernel.i18n import text

_MOST_UNKNOWN = 20  # unknown members of an object that its refusal names


def validated(
    serializer_class: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False
) -> dict[str, Any]:
    """Return what a serializer makes of a body or a query; raises `ValidationError`."""
    serializer = serializer_class(data=data, partial=partial)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid


class StrictSerializer(serializers.Serializer[Any]):
    """A request body whose unknown members are refused instead of silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(data.keys() - self.fields.keys())[:_MOST_UNKNOWN]
            if unknown:
                message = text(en="Unknown field.", ko="알 수 없는 항목입니다.")
                raise serializers.ValidationError({name: [str(message)] for name in unknown})
        return super().to_internal_value(data)


class BoundedListField(serializers.ListField):
    """A list of at most `max_length`, which is looked at before any of its children.

    DRF's own validates them all, then counts (Note [Length before children]).
    """

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self._most = max_length

    def run_child_validation(self, data: Any) -> list[Any]:
        """Validate the children; raises `ValidationError` for too many before looking at one."""
        if len(data) > self._most:
            self.fail("max_length", max_length=self._most)
        validated: list[Any] = super().run_child_validation(data)
        return validated


class SpelledField(serializers.CharField):
    """A text that people type, in its form before it is measured and compared.

    `spelling` is `canonical` for codes, `composed` for words (Note [Texts that read alike]).
    Its length is that of the form, which a schema's `maxLength` can't say: there is none there.
    """

    def __init__(
        self, *, spelling: Callable[[str], str], max_length: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._spelling = spelling
        self._most = max_length

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if "\0" not in text:  # NUL is for the validator to refuse
            text = self._spelling(text)
        if self._most is not None and len(text) > self._most:
            self.fail("max_length", max_length=self._most)
        return text


@extend_schema_field(
    {"type": "string", "format": "date-time", "example": "2026-11-21T11:00:00.000Z"}
)
class UtcDateTimeField(serializers.DateTimeField):
    """A moment in a response (Note [One form of times] in kernel/clock.py)."""

    def to_representation(self, value: Any) -> Any:
        return clock.as_text(value)


class _RowSerializer(serializers.ModelSerializer[Any]):
    """What Django's fields look like in a document."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        DateTimeField: UtcDateTimeField
    }


def row_fields(
    model: type[Model], names: Sequence[str]
) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the form in which a document shows fields of a row as they are; all are present."""
    meta = type("Meta", (), {"model": model, "fields": list(names)})
    form: _RowSerializer = type("Row", (_RowSerializer,), {"Meta": meta})()
    fields: dict[str, serializers.Field[Any, Any, Any, Any]] = form.get_fields()
    for field in fields.values():
        field.required = True
    return fields


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
