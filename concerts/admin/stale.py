"""What the cache server still has to hear of; empty but for seconds."""

from django.contrib import admin

from concerts.models import StaleDocument
from kernel.staff.admin import ReadOnlyAdmin


@admin.register(StaleDocument)
class StaleDocumentAdmin(ReadOnlyAdmin):
    list_display = ["name", "id"]
    list_filter = ["name"]
    search_fields = ["name"]
    ordering = ["id"]
