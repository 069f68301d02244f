"""The staff screens of payments and charges, read-only: only use cases change them."""

from django.contrib import admin

from kernel.staff.admin import ReadOnlyAdmin
from payments.models import Charge, Payment


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Attempts to pay."""

    list_display = (
        "id",
        "user",
        "reservation_id",
        "method",
        "status",
        "amount",
        "points_amount",
        "created_at",
    )
    list_filter = ("status", "method", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "=reservation__id", "user__email", "=request_key")
    ordering = ("-id",)


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    """Points bought."""

    list_display = ("id", "user", "status", "amount", "created_at")
    list_filter = ("status", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "user__email", "=request_key")
    ordering = ("-id",)
