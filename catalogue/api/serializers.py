"""The form of the catalogue's responses, for the OpenAPI document and the tests that check it.

Answers are built once as final bytes (catalogue/documents.py), so nothing is serialized here.
"""

from typing import Any

from rest_framework import serializers

from catalogue.sale_state import SaleState
from concerts.models import Performance
from kernel.http.serializers import MoneySerializer, UtcDateTimeField, row_fields

_STATES = [state.value for state in SaleState]


class PriceRangeSerializer(serializers.Serializer[Any]):
    """The lowest and the highest price."""

    min = MoneySerializer()
    max = MoneySerializer()


class VenueSerializer(serializers.Serializer[Any]):
    """A hall."""

    name = serializers.CharField()
    address = serializers.CharField(allow_blank=True)
    timezone = serializers.CharField(help_text="IANA name.")


class PosterSourceSerializer(serializers.Serializer[Any]):
    """A file of a poster; what an address leads to never changes."""

    url = serializers.URLField()
    width = serializers.IntegerField(help_text="In pixels.")


class PosterSerializer(PosterSourceSerializer):
    """A poster by its widest file, in pixels, and all its files (WebP) by ascending width."""

    height = serializers.IntegerField(help_text="In pixels.")
    sources = PosterSourceSerializer(many=True)


class ConcertSerializer(serializers.Serializer[Any]):
    """A concert in the list."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    artist = serializers.CharField()
    venue = VenueSerializer()
    poster_url = serializers.URLField(
        allow_null=True, help_text="The widest file of the poster, at this site or its media's."
    )
    poster = PosterSerializer(allow_null=True)
    first_performance_at = UtcDateTimeField(allow_null=True)
    last_performance_at = UtcDateTimeField(allow_null=True)
    sale_state = serializers.ChoiceField(
        choices=_STATES, help_text="Of the performance that a fan can do most about."
    )
    price_range = PriceRangeSerializer(allow_null=True)


class ConcertDetailSerializer(ConcertSerializer):
    """A concert's own page."""

    description = serializers.CharField(allow_blank=True)
    age_rating = serializers.CharField(allow_blank=True)
    running_minutes = serializers.IntegerField(allow_null=True)
    notices = serializers.CharField(allow_blank=True)
    refund_policy = serializers.CharField(allow_blank=True)


class GradeSerializer(serializers.Serializer[Any]):
    """A price grade and its free seats."""

    code = serializers.CharField()
    name = serializers.CharField()
    price = MoneySerializer()
    seats_available = serializers.IntegerField()


class PerformanceSerializer(serializers.Serializer[Any]):
    """A performance; windows and limits are null until its sale is prepared."""

    id = serializers.UUIDField()
    concert_id = serializers.UUIDField()
    timezone = serializers.CharField()
    queue_opens_at = UtcDateTimeField(allow_null=True)
    sale_opens_at = UtcDateTimeField(allow_null=True)
    sale_closes_at = UtcDateTimeField(allow_null=True)
    sale_state = serializers.ChoiceField(choices=_STATES)
    queue_required = serializers.BooleanField()
    hold_seconds = serializers.IntegerField(allow_null=True)
    max_seats_per_fan = serializers.IntegerField(allow_null=True)
    grades = GradeSerializer(many=True)
    seats_total = serializers.IntegerField(help_text="Seats put on sale, whatever their status.")
    seats_available = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """Return the declared fields, and those that the row shows as they are."""
        return super().get_fields() | row_fields(Performance, Performance.PUBLIC_FIELDS)


class SeatSerializer(serializers.Serializer[Any]):
    """A seat of the map."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    index = serializers.IntegerField(help_text="Its place in the availability string.")
    x = serializers.FloatField()
    y = serializers.FloatField()
    accessible = serializers.BooleanField()


class RowSerializer(serializers.Serializer[Any]):
    """A row of a section."""

    label = serializers.CharField()  # type: ignore[assignment]
    seats = SeatSerializer(many=True)


class PointSerializer(serializers.Serializer[Any]):
    """A point of the hall, in units of the layout."""

    x = serializers.FloatField()
    y = serializers.FloatField()


class _SectionSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    grade = serializers.CharField()
    price = MoneySerializer()
    first_index = serializers.IntegerField(
        allow_null=True, help_text="The index of its first seat; null for a section without any."
    )
    focal = PointSerializer(allow_null=True, help_text="Where the best view is, if it is known.")


class SectionSerializer(_SectionSerializer):
    """A section and its one price."""

    rows = RowSerializer(many=True)


class SectionShapeSerializer(_SectionSerializer):
    """A section as a shape."""

    seats = serializers.IntegerField(help_text="How many; their indices follow the first.")
    outline = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        help_text="The corners [x, y], of which the last is joined to the first.",
    )


class BoundsSerializer(serializers.Serializer[Any]):
    """The smallest box around all sections and the stage."""

    min_x = serializers.FloatField()
    min_y = serializers.FloatField()
    max_x = serializers.FloatField()
    max_y = serializers.FloatField()


class OutlineSerializer(serializers.Serializer[Any]):
    """The hall as shapes."""

    layout_version = serializers.IntegerField()
    bounds = BoundsSerializer(allow_null=True, help_text="Null for a hall without a seat.")
    stage = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        allow_null=True,
        help_text="Its corners [x, y]; null where the layout doesn't say.",
    )
    sections = SectionShapeSerializer(many=True)


class SeatMapSerializer(serializers.Serializer[Any]):
    """The static seat map."""

    layout_version = serializers.IntegerField()
    sections = SectionSerializer(many=True)


class CountsSerializer(serializers.Serializer[Any]):
    """Seats by status."""

    available = serializers.IntegerField()
    temporarily_reserved = serializers.IntegerField()
    reserved = serializers.IntegerField()
    blocked = serializers.IntegerField()


class AvailabilitySerializer(serializers.Serializer[Any]):
    """The status of every seat."""

    layout_version = serializers.IntegerField()
    as_of = UtcDateTimeField()
    counts = CountsSerializer()
    statuses = serializers.RegexField(
        r"^[ATRB]*$",
        help_text="A letter a seat in index order: Available, Temporarily reserved, Reserved, "
        "Blocked.",
    )
    stream_url = serializers.CharField(
        allow_null=True,
        help_text="The live stream of changes, a path of this site; null while there is none.",
    )


class PlainSeatSerializer(SeatSerializer):
    """A seat with its place, price and status."""

    section = serializers.CharField()
    row = serializers.CharField()
    grade = serializers.CharField()
    price = MoneySerializer()
    status = serializers.ChoiceField(
        choices=["AVAILABLE", "TEMPORARILY_RESERVED", "RESERVED", "BLOCKED"]
    )


class _PageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ConcertPageSerializer(_PageSerializer):
    """A page of concerts."""

    results = ConcertSerializer(many=True)


class PerformancePageSerializer(_PageSerializer):
    """A page of performances."""

    results = PerformanceSerializer(many=True)


class SeatPageSerializer(_PageSerializer):
    """A page of seats."""

    results = PlainSeatSerializer(many=True)
