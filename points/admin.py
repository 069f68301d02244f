"""The staff screens of the ledger, read-only: only use cases move points."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kernel.staff.admin import ReadOnlyAdmin, ReadOnlyInline
from points.models import Account, Entry, Transfer


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Fans' and the system's accounts."""

    list_display = ("id", "user", "name", "balance", "opened_at")
    list_filter = (("user", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("=id", "user__email", "name")
    ordering = ("-id",)


class EntryInline(ReadOnlyInline):
    """What the transfer did, account by account."""

    model = Entry

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("account__user")


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Movements of points."""

    list_display = ("id", "kind", "reference", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("=id", "=reference")
    ordering = ("-id",)
    inlines = (EntryInline,)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """The ledger, line by line."""

    list_display = ("id", "account", "kind", "reference", "amount", "balance_after", "at")
    list_filter = ("transfer__kind",)
    list_select_related = ("account", "transfer")
    search_fields = ("=account__id", "account__user__email", "=transfer__reference")
    ordering = ("-id",)

    @admin.display(ordering="transfer__kind")
    def kind(self, entry: Entry) -> str:
        return entry.transfer.kind

    def reference(self, entry: Entry) -> str:
        return str(entry.transfer.reference)

    def at(self, entry: Entry) -> Any:
        return entry.transfer.created_at
