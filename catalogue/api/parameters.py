"""Query parameters of the public catalogue.

A known one with a wrong value is a 400. Unknown ones are ignored: shared links carry what the tools
of their senders add (`utm_source` and so on).
"""

from datetime import MINYEAR, UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kernel import clock
from kernel.http.serializers import SpelledField
from kernel.i18n import text
from kernel.text.spelling import canonical, composed

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

ORDERINGS = ("first_performance_at", "-first_performance_at", "title", "-title")


if TYPE_CHECKING:  # generic for the type checker only
    _Field = serializers.Field[Any, Any, Any, Any]
else:
    _Field = serializers.Field


@extend_schema_field(OpenApiTypes.STR)
class MomentField(_Field):
    """An RFC 3339 moment or a date; a date is midnight in the site's time zone.

    With `end_of_day` a date means the midnight that ends it. What lies beyond the years
    1 to 9999 in UTC is their end.
    """

    def __init__(self, *, end_of_day: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._end_of_day = end_of_day

    def to_internal_value(self, data: Any) -> datetime:
        """Read the text; raises `ValidationError`."""
        moment = self._read(str(data))
        if moment is None:
            raise serializers.ValidationError(
                text(
                    en="Give a date (2026-11-21) or a moment with its offset.",
                    ko="날짜(2026-11-21) 또는 시간대를 포함한 시각을 입력해 주세요.",
                )
            )
        return moment

    def to_representation(self, value: datetime) -> str:
        """Return RFC 3339 text."""
        return clock.as_text(value)

    def _read(self, written: str) -> datetime | None:
        try:
            day = parse_date(written)
            moment = None if day else parse_datetime(written.replace(" ", "+"))
        except ValueError:
            return None
        if day is not None:
            moment = timezone.make_aware(datetime.combine(day, time.min))
        if moment is None or moment.tzinfo is None:
            return None
        try:
            moment = moment.astimezone(UTC)
            return moment + timedelta(days=1) if day and self._end_of_day else moment
        except OverflowError:  # clients say "no end" by 9999-12-31
            return _LAST if moment.year > MINYEAR else _FIRST


class PageParameters(serializers.Serializer[Any]):
    """The paging of a list."""

    cursor = serializers.CharField(required=False, max_length=500)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100)


class ConcertParameters(PageParameters):
    """The filter and the order of the list of concerts."""

    search = SpelledField(
        spelling=composed,
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Words of title, artist or venue, in either language; all must occur.",
    )
    ordering = serializers.ChoiceField(choices=ORDERINGS, required=False)
    on_sale = serializers.ChoiceField(choices=("true", "false"), required=False)
    to = MomentField(
        required=False,
        end_of_day=True,
        help_text="Concerts with a performance before; a date includes that day.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Add `from`, a name that Python keeps for itself."""
        fields = super().get_fields()
        fields["from"] = MomentField(
            required=False, help_text="Concerts with a performance at or after; a date or moment."
        )
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a window that ends before it begins."""
        if "from" in attrs and "to" in attrs and attrs["from"] > attrs["to"]:
            message = text(en="It lies before `from`.", ko="시작보다 앞선 시각입니다.")
            raise serializers.ValidationError({"to": [message]})
        return attrs


class SeatMapParameters(serializers.Serializer[Any]):
    """The section of the seat map."""

    section = SpelledField(
        spelling=canonical, required=False, max_length=20, help_text="A section's code."
    )


class SeatParameters(SeatMapParameters, PageParameters):
    """The section and the paging of the list of seats."""
