"""The read-only screen of the sales figures."""

from django.contrib import admin

from kernel.staff.admin import ReadOnlyAdmin
from sale_statistics.models import HourlySales


@admin.register(HourlySales)
class HourlySalesAdmin(ReadOnlyAdmin):
    list_display = ["performance", "hour", "reservations", "seats", "amount", "currency"]
    list_filter = ["hour"]
    list_select_related = ["performance__concert__venue"]
    search_fields = [
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    ]
    date_hierarchy = "hour"
    ordering = ["-hour"]
