"""The read-only screen of idempotency records."""

from django.contrib import admin

from idempotency.models import Record
from kernel.staff.admin import ReadOnlyAdmin


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    """Read-only: a record edited by hand would replay a response that never was."""

    list_display = ("request_key", "state", "status", "attempt", "created_at", "lease_until")
    list_filter = ("state", "status")
    search_fields = ("request_key", "=resource_id")
    ordering = ("-created_at",)
