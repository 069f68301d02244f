"""The staff screens of the ledger: only use cases move points, by staff with a reason."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kernel.i18n import text
from kernel.ids import uuid7
from kernel.staff.actions import ReasonForm, actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin, ReadOnlyInline
from points import policy
from points.models import Account, Entry, Transfer
from points.usecases import adjustments


class AdjustmentForm(ReasonForm):
    """The reason, the points, and what makes the form count once however often it is sent."""

    points = forms.IntegerField(
        label=text(en="Points", ko="포인트"),
        min_value=-policy.ADJUSTMENT_MAXIMUM,
        max_value=policy.ADJUSTMENT_MAXIMUM,
        help_text=text(en="Below zero: take back", ko="0보다 작으면 회수"),
    )
    adjustment_id = forms.UUIDField(initial=uuid7, widget=forms.HiddenInput)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Fans' and the system's accounts."""

    list_display = ("id", "user", "name", "balance", "opened_at")
    list_filter = (("user", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("=id", "user__email", "name")
    ordering = ("-id",)
    actions = ("adjust",)

    @staff_action(
        description=text(en="Adjust points", ko="포인트 조정"),
        permissions=["points.adjust_points"],
        form_class=AdjustmentForm,
    )
    def adjust(
        self,
        request: HttpRequest,
        objects: list[Account],
        *,
        reason: str,
        points: int,
        adjustment_id: UUID,
        now: datetime,
    ) -> str:
        """Give each of the picked fans points, or take them back; not the system's accounts."""
        fans = [account.pk for account in objects if account.user_id]
        waiting = 0
        for user_id in fans:
            done = adjustments.adjust(
                user_id=user_id,
                points=points,
                adjustment_id=adjustment_id,
                reason=reason,
                actor_id=actor_of(request),
                now=now,
            )
            waiting += done.approval_id is not None
        count = len(fans) - waiting
        said = text(en=f"{count} adjusted.", ko=f"{count}건을 조정했습니다.")
        if not waiting:
            return str(said)
        more = text(
            en=f"{waiting} wait for a second person.", ko=f"{waiting}건은 승인을 기다립니다."
        )
        return f"{said} {more}"


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
