"""The staff screens of tickets and check-ins, read-only; a check-in can be undone."""

from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest

from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin
from tickets.models import Checkin, RefusedScan, Ticket, UnlistedScans
from tickets.usecases import checkins
from tickets.usecases.checkins import Doorkeeper


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets; only sales, cancels and the door change them."""

    list_display = ("code", "status", "user", "performance", "seat", "issued_at")
    list_select_related = ("user", "performance__concert__venue", "seat")
    list_filter = ("status", "issued_at")
    search_fields = ("=code", "=user__email")
    ordering = ("-id",)


@admin.register(Checkin)
class CheckinAdmin(ReadOnlyAdmin):
    """Who was admitted where and when, by which scan."""

    list_display = ("ticket", "performance", "gate", "admitted_at", "undone_at", "scan_id")
    list_select_related = ("ticket", "performance__concert__venue")
    list_filter = (
        ("admitted_at", admin.DateFieldListFilter),
        ("undone_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("=ticket__code", "=scan_id", "=gate")
    search_help_text = text(en="Ticket code, scan id or gate", ko="티켓 번호, 스캔 ID 또는 게이트")
    ordering = ("-id",)
    actions = ("undo",)

    @staff_action(
        description=text(en="Undo", ko="입장 취소"), permissions=["tickets.check_in_ticket"]
    )
    def undo(self, request: HttpRequest, rows: list[Checkin], *, reason: str, now: datetime) -> str:
        """Let the tickets admit again."""
        by = Doorkeeper(user_id=actor_of(request))
        for row in rows:
            checkins.undo(checkin_id=row.pk, by=by, reason=reason, now=now)
        return str(text(en=f"{len(rows)} undone.", ko=f"{len(rows)}건을 취소했습니다."))


@admin.register(RefusedScan)
class RefusedScanAdmin(ReadOnlyAdmin):
    """Scans made without a network that were refused when they were sent."""

    list_display = ("ticket", "performance", "gate", "outcome", "scanned_at", "first_gate")
    list_select_related = ("ticket", "performance__concert__venue")
    list_filter = (("scanned_at", admin.DateFieldListFilter), "outcome")
    search_fields = ("=ticket__code", "=scan_id", "=gate")
    ordering = ("-id",)


@admin.register(UnlistedScans)
class UnlistedScansAdmin(ReadOnlyAdmin):
    """How many refused scans have no row, by performance."""

    list_display = ("performance", "scans", "latest_at")
    list_select_related = ("performance__concert__venue",)
    list_filter = (("latest_at", admin.DateFieldListFilter),)
    search_fields = ("=performance__id",)
    search_help_text = text(en="Performance id", ko="회차 ID")
    ordering = ("-id",)
