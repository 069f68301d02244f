"""The staff screens of money: only use cases change it, and fee tables with a reason."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from kernel import clock
from kernel.staff.actions import actor_of
from kernel.staff.admin import ReadOnlyAdmin, UseCaseAdmin
from payments.models import (
    Cancellation,
    Charge,
    GatewayNotice,
    Offer,
    Payment,
    Refund,
    RefundPolicy,
    RefundRun,
)
from payments.usecases.refund_policies import set_refund_policy


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
        "gateway",
        "resolve_after",
        "created_at",
    )
    list_filter = ("status", "method", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "=reservation__id", "user__email", "=request_key", "=order_id")
    ordering = ("-id",)


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    """Points bought."""

    list_display = ("id", "user", "status", "amount", "created_at")
    list_filter = ("status", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "user__email", "=request_key", "=order_id")
    ordering = ("-id",)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Money given back."""

    list_display = (
        "id",
        "payment_id",
        "status",
        "reason",
        "amount",
        "points_amount",
        "resolve_after",
        "created_at",
    )
    list_filter = ("status", "reason", "created_at")
    search_fields = ("=id", "=payment__id", "=request_key")
    ordering = ("-id",)


@admin.register(Offer)
class OfferAdmin(ReadOnlyAdmin):
    """Other seats for money that came when the chosen ones were gone."""

    list_display = ("id", "payment_id", "reservation_id", "status", "until", "created_at")
    list_filter = ("status", "created_at")
    search_fields = ("=id", "=payment__id", "=reservation__id", "=instead_of__id")
    ordering = ("-id",)


@admin.register(GatewayNotice)
class GatewayNoticeAdmin(ReadOnlyAdmin):
    """Webhooks of the gateway."""

    list_display = ("id", "gateway", "notice_id", "order_id", "received_at", "handled_at")
    list_filter = ("gateway", "received_at")
    search_fields = ("=id", "=notice_id", "=order_id")
    ordering = ("-id",)


@admin.register(Cancellation)
class CancellationAdmin(ReadOnlyAdmin):
    """Bought seats that were given up."""

    list_display = ("id", "payment_id", "paid", "fee", "points_amount", "reason", "created_at")
    list_filter = ("reason", "created_at")
    search_fields = ("=id", "=payment__id", "=request_key")
    ordering = ("-id",)


@admin.register(RefundPolicy)
class RefundPolicyAdmin(UseCaseAdmin):
    """Fee tables: one for each performance that has its own, and one for all others."""

    list_display = ("performance", "fees", "version")
    list_select_related = ("performance__concert__venue",)
    list_filter = (("performance", admin.EmptyFieldListFilter),)
    search_fields = ("performance__concert__title_ko__mentions",)
    autocomplete_fields = ("performance",)
    fields = ("performance", "fees", "version")
    readonly_fields = ("version",)
    may_add = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("performance",) if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = form.cleaned_data
        row = set_refund_policy(
            performance_id=obj.performance_id,
            said=values["fees"],
            reason=values["reason"],
            actor_id=actor_of(request),
            now=clock.now(),
        )
        obj.pk = row.pk


@admin.register(RefundRun)
class RefundRunAdmin(ReadOnlyAdmin):
    """How far the refunds of cancelled performances have come."""

    list_display = ("performance", "reservations", "amount", "started_at", "finished_at")
    list_select_related = ("performance__concert__venue",)
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    search_fields = ("performance__concert__title_ko__mentions",)
