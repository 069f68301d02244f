"""Staff screens: how sales run, which seats are taken, who holds what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from concerts.admin.questions import AskingForm, AsksFirst, confirmed
from concerts.admin.venue_times import VenueTimes, venue_time
from kernel import clock
from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin, ReadOnlyInline, UseCaseAdmin
from reservations import policy, queries
from reservations.models import Reservation, ReservationSeat, SaleHalt, SalePolicy, SeatInventory
from reservations.usecases import inventory, sale


@admin.register(SalePolicy)
class SalePolicyAdmin(AsksFirst, VenueTimes, UseCaseAdmin):
    """Windows, hold lengths and limits; put on sale, halt and resume."""

    form = AskingForm
    opens = venue_time("sale_opens_at", text(en="Sale opens", ko="판매 시작"))
    closes = venue_time("sale_closes_at", text(en="Sale closes", ko="판매 종료"))

    key_field = "performance"
    list_display = ("performance", "opens", "closes", "put_on_sale_at", "version")
    list_select_related = ("performance__concert__venue",)
    list_filter = ("sale_opens_at",)
    search_fields = (
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    )
    autocomplete_fields = ("performance",)
    fields = ("performance", *policy.SALE_FIELDS, "put_on_sale_at", "version", "check_list")
    readonly_fields = ("put_on_sale_at", "version", "check_list")
    actions = ("put_on_sale", "halt", "resume")
    may_add = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("performance",) if obj is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        sale.create_policy(
            performance_id=obj.performance_id,
            values={name: form.cleaned_data[name] for name in policy.SALE_FIELDS},
            reason=form.cleaned_data["reason"],
            actor_id=actor_of(request),
            now=clock.now(),
            confirmed=confirmed(request),
        )

    def perform_change(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        changes: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        sale.set_policy(
            performance_id=obj.pk,
            changes={name: changes[name] for name in policy.SALE_FIELDS if name in changes},
            reason=reason,
            actor_id=actor_of(request),
            now=now,
            confirmed=confirmed(request),
        )

    @admin.display(description=text(en="Check list", ko="판매 준비 점검"))
    def check_list(self, row: SalePolicy) -> SafeString | str:
        """Show the lines that putting on sale goes through."""
        if row.pk is None:
            return "-"
        checks = queries.sale_checks(performance_id=row.pk, now=clock.now())
        lines = [
            ("✓" if check.passed else ("✗" if check.required else "!"), check.label)
            for check in checks
        ]
        return format_html_join("", "<div>{} {}</div>", lines)

    @staff_action(
        description=text(en="Put on sale", ko="판매 시작"),
        permissions=["reservations.put_on_sale"],
    )
    def put_on_sale(
        self, request: HttpRequest, objects: list[SalePolicy], *, reason: str, now: datetime
    ) -> str:
        """Put the picked performances on sale; a check list that fails is named."""
        done = [
            inventory.put_on_sale(
                performance_id=row.pk, actor_id=actor_of(request), reason=reason, now=now
            )
            for row in objects
        ]
        seats = sum(result.seats for result in done)
        return str(text(en=f"{seats} seats are on sale.", ko=f"{seats}석이 판매됩니다."))

    @staff_action(
        description=text(en="Halt the sale", ko="판매 중지"), permissions=["reservations.halt_sale"]
    )
    def halt(
        self, request: HttpRequest, objects: list[SalePolicy], *, reason: str, now: datetime
    ) -> None:
        """Stop new holds at once."""
        for row in objects:
            sale.halt(performance_id=row.pk, reason=reason, actor_id=actor_of(request), now=now)

    @staff_action(
        description=text(en="Resume the sale", ko="판매 재개"),
        permissions=["reservations.halt_sale"],
    )
    def resume(
        self, request: HttpRequest, objects: list[SalePolicy], *, reason: str, now: datetime
    ) -> None:
        """Lift every halt."""
        for row in objects:
            sale.resume(performance_id=row.pk, reason=reason, actor_id=actor_of(request), now=now)


@admin.register(SaleHalt)
class SaleHaltAdmin(ReadOnlyAdmin):
    """Stops of sales, lifted and live."""

    list_display = ("performance", "reason", "created_at", "lifted_at")
    list_select_related = ("performance__concert__venue",)
    list_filter = (("lifted_at", admin.EmptyFieldListFilter),)
    search_fields = ("reason", "performance__concert__title_ko__mentions")


@admin.register(SeatInventory)
class SeatInventoryAdmin(ReadOnlyAdmin):
    """Every seat on sale; it changes only by holds, payments, blocking and unblocking."""

    list_display = ("seat", "section", "performance", "status", "reservation_id", "held_until")
    list_select_related = ("seat__section", "performance__concert__venue")
    list_filter = ("status",)
    search_fields = (
        "seat__section__code__reads",
        "seat__row__reads",
        "performance__concert__title_ko__mentions",
    )
    ordering = ("performance", "index")
    actions = ("block", "unblock")

    @admin.display(description=text(en="Section", ko="구역"), ordering="seat__section__code")
    def section(self, row: SeatInventory) -> str:
        """Show the section's code."""
        return str(row.seat.section.code)

    @staff_action(
        description=text(en="Block seats", ko="좌석 차단"), permissions=["reservations.block_seat"]
    )
    def block(
        self, request: HttpRequest, objects: list[SeatInventory], *, reason: str, now: datetime
    ) -> str:
        """Take free seats off the sale."""
        changed = inventory.block(
            seat_ids=[row.pk for row in objects], reason=reason, actor_id=actor_of(request), now=now
        )
        return str(text(en=f"{changed} seats blocked.", ko=f"{changed}석을 차단했습니다."))

    @staff_action(
        description=text(en="Unblock seats", ko="좌석 차단 해제"),
        permissions=["reservations.block_seat"],
    )
    def unblock(
        self, request: HttpRequest, objects: list[SeatInventory], *, reason: str, now: datetime
    ) -> str:
        """Put blocked seats back on sale."""
        changed = inventory.unblock(
            seat_ids=[row.pk for row in objects], reason=reason, actor_id=actor_of(request), now=now
        )
        return str(text(en=f"{changed} seats unblocked.", ko=f"{changed}석을 해제했습니다."))


class ReservationSeatInline(ReadOnlyInline):
    """The seats of a reservation."""

    model = ReservationSeat
    fields = ("seat", "price", "currency", "cancelled_at")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReservationSeat]:
        return super().get_queryset(request).select_related("seat__section")


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Who holds and who bought."""

    list_display = ("id", "user", "performance", "state", "amount", "created_at", "expires_at")
    list_select_related = ("user", "performance__concert__venue")
    list_filter = ("status", "created_at")
    search_fields = ("=user__email",)
    search_help_text = text(en="Reservation id or e-mail address", ko="예약 번호 또는 이메일")
    ordering = ("-id",)
    inlines = (ReservationSeatInline,)

    @admin.display(description=text(en="Status", ko="상태"), ordering="status")
    def state(self, row: Reservation) -> str:
        """Show a hold whose time has passed as what it is."""
        lapsed = row.has_lapsed(clock.now())
        return Reservation.Status.EXPIRED.value if lapsed else row.status

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find an id by the key, which prunes to one partition."""
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
