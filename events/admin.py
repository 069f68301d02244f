"""Staff may look at events; the relay and the commands alone change them."""

from django.contrib import admin

from events.models import InboxEntry, OutboxEvent
from kernel.admin import ReadOnlyAdmin


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "type", "subject", "created_at", "published_at", "dead_at"]
    list_filter = ["topic", "type", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=aggregate_id", "=request_id"]
    ordering = ["-id"]


@admin.register(InboxEntry)
class InboxEntryAdmin(ReadOnlyAdmin):
    list_display = ["event_id", "group", "type", "applied_at"]
    list_filter = ["group", "type"]
    search_fields = ["=event_id"]
    ordering = ["-id"]
