"""Price grades, sections and seats: they come from layout files; a price may be set here too."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from concerts.layout.form import MAX_PRICE
from concerts.models import PriceGrade, Seat, Section
from concerts.usecases import layouts
from kernel.i18n import text
from kernel.staff.actions import actor_of
from kernel.staff.admin import ReadOnlyAdmin, ReasonModelForm, UseCaseAdmin


class PriceForm(ReasonModelForm):
    """The price and why it is set."""

    price = forms.IntegerField(
        min_value=0, max_value=MAX_PRICE, label=text(en="Price (minor units)", ko="가격(원)")
    )


@admin.register(PriceGrade)
class PriceGradeAdmin(UseCaseAdmin):
    """Price grades; the price can be set until the performance is put on sale."""

    form = PriceForm
    list_display = ("code", "name_ko", "performance", "price", "currency", "seats")
    list_select_related = ("performance__concert__venue",)
    list_filter = ("code",)
    search_fields = (
        "code__mentions",
        "name_ko__mentions",
        "performance__concert__title_ko__mentions",
    )
    fields = ("performance", "code", "name_ko", "name_en", "currency", "price")
    readonly_fields = ("performance", "code", "name_ko", "name_en", "currency")
    ordering = ("performance", "position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceGrade]:
        rows: QuerySet[PriceGrade] = super().get_queryset(request)
        return rows.annotate(seat_count=Count("sections__seats"))

    @admin.display(description=text(en="Seats", ko="좌석 수"), ordering="seat_count")
    def seats(self, row: Any) -> int:
        """Show how many seats have this grade."""
        return int(row.seat_count)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Let the performance's page lead here."""
        return lookup == "performance__id__exact" or super().lookup_allowed(lookup, value, request)

    def perform_change(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        changes: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        """Set the price by the use case."""
        if "price" in changes:
            layouts.set_price(
                grade_id=obj.pk,
                price=changes["price"],
                actor_id=actor_of(request),
                reason=reason,
                now=now,
            )


@admin.register(Section)
class SectionAdmin(ReadOnlyAdmin):
    """Sections, as the layout file has them."""

    list_display = ("code", "name_ko", "grade", "performance", "seats")
    list_select_related = ("grade", "performance__concert__venue")
    list_filter = ("grade__code",)
    search_fields = (
        "code__mentions",
        "name_ko__mentions",
        "performance__concert__title_ko__mentions",
    )
    ordering = ("performance", "position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Section]:
        rows: QuerySet[Section] = super().get_queryset(request)
        return rows.annotate(seat_count=Count("seats"))

    @admin.display(description=text(en="Seats", ko="좌석 수"), ordering="seat_count")
    def seats(self, row: Any) -> int:
        """Show how many seats it has."""
        return int(row.seat_count)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Let the performance's page lead here."""
        return lookup == "performance__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Seat)
class SeatAdmin(ReadOnlyAdmin):
    """Seats, as the layout file has them."""

    list_display = ("performance", "section", "row", "number", "index", "accessible")
    list_select_related = ("section", "performance__concert__venue")
    list_filter = ("accessible",)
    search_fields = (
        "section__code__reads",
        "row__reads",
        "number__reads",
        "performance__concert__title_ko__mentions",
    )
    ordering = ("performance", "index")

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Let the performance's page lead here."""
        return lookup == "performance__id__exact" or super().lookup_allowed(lookup, value, request)
