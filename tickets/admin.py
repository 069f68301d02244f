"""The staff screen of tickets, read-only."""

from django.contrib import admin

from kernel.staff.admin import ReadOnlyAdmin
from tickets.models import Ticket


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets; only sales, cancels and the door change them."""

    list_display = ("code", "status", "user", "performance", "seat", "issued_at")
    list_select_related = ("user", "performance__concert__venue", "seat")
    list_filter = ("status", "issued_at")
    search_fields = ("=code", "=user__email")
    ordering = ("-id",)
