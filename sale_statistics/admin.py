"""The read-only screens of the figures, read from the replica."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kernel.i18n import text
from kernel.staff.admin import ReadOnlyAdmin
from sale_statistics import queries
from sale_statistics.models import HourlyPoints, HourlySales


class FiguresAdmin(ReadOnlyAdmin):
    """Figures by the hour, the latest first."""

    date_hierarchy = "hour"
    ordering = ["-hour"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows from the replica."""
        return queries.from_replica(super().get_queryset(request))


@admin.register(HourlySales)
class HourlySalesAdmin(FiguresAdmin):
    list_display = [
        *("performance", "hour", "held", "reservations", "conversion", "seats", "amount"),
        "currency",
    ]
    list_filter = ["hour"]
    list_select_related = ["performance__concert__venue"]
    search_fields = [
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    ]

    @admin.display(description=text(en="conversion", ko="구매 전환율"), empty_value="-")
    def conversion(self, row: HourlySales) -> str | None:
        return None if row.conversion is None else f"{row.conversion:.0%}"


@admin.register(HourlyPoints)
class HourlyPointsAdmin(FiguresAdmin):
    list_display = ["hour", "charges", "charged", "payments", "spent", "currency"]
    list_filter = ["hour", "currency"]
    search_fields = ["=currency"]
