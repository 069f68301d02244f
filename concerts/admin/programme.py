"""Venues, concerts and performances."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from concerts.admin.layout_views import LayoutViews
from concerts.admin.poster_views import PosterViews
from concerts.admin.questions import AsksFirst, PlainForm, confirmed
from concerts.admin.statuses import StatusActions
from concerts.admin.upload_views import UploadViews
from concerts.admin.venue_times import VenueTimeFields, VenueTimes, venue_time
from concerts.models import Concert, Performance, Venue
from concerts.usecases import programme, schedule
from kernel import clock
from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import UseCaseAdmin


class _CatalogueAdmin(AsksFirst, UseCaseAdmin):
    """Rows that the public sees: saved by one use case with their inlines, shown at once, and
    never deleted. A reason is asked for only where a change is unusual (Note [Unusual changes]).
    """

    form = PlainForm
    always_with_reason = False
    may_add = True

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Leave it to `save_related`, which has the inlines too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        names = [name for name in form.changed_data if name not in form.declared_fields]
        edits = [_edit(form.instance, names, is_new=not change)]
        for formset in formsets:
            formset.save(commit=False)
            edits += [_edit(row, names, is_new=False) for row, names in formset.changed_objects]
            edits += [_edit(row, (), is_new=True) for row in formset.new_objects]
        schedule.save(
            edits=edits,
            reason=form.cleaned_data["reason"],
            confirmed=confirmed(request),
            actor_id=actor_of(request),
            now=clock.now(),
        )


def _edit(row: Any, names: Iterable[str], *, is_new: bool) -> schedule.Edit:
    fields = [
        field
        for field in row._meta.concrete_fields
        if not field.primary_key and (is_new or field.name in names)
    ]
    values = {field.attname: getattr(row, field.attname) for field in fields}
    return schedule.Edit(type(row), row.pk, values, is_new=is_new)


@admin.register(Venue)
class VenueAdmin(_CatalogueAdmin):
    """Halls."""

    list_display = ("name_ko", "name_en", "address_ko", "timezone")
    list_filter = ("timezone",)
    search_fields = (
        "name_ko__mentions",
        "name_en__mentions",
        "address_ko__mentions",
        "address_en__mentions",
    )


if TYPE_CHECKING:  # generic for the type checker only
    _TabularInline = admin.TabularInline[Performance, Concert]
else:
    _TabularInline = admin.TabularInline


class PerformanceInline(VenueTimeFields, _TabularInline):
    """The performances of a concert; each has its own page for seats and prices."""

    model = Performance
    fields = (*Performance.PUBLIC_FIELDS, "status", "layout_version", "layout_frozen_at")
    readonly_fields = ("status", "layout_version", "layout_frozen_at")
    extra = 0
    can_delete = False
    show_change_link = True
    ordering = ("starts_at",)


@admin.register(Concert)
class ConcertAdmin(PosterViews, VenueTimes, _CatalogueAdmin):
    """Concerts; a draft is invisible to the API until it is published."""

    venue_path = "concerts"
    named_by, named_path = "venue", ""

    list_display = (
        "title_ko",
        "title_en",
        "artist_ko",
        "venue",
        "number_of_performances",
        "published_at",
    )
    list_select_related = ("venue",)
    list_filter = (
        ("published_at", admin.EmptyFieldListFilter),
        ("poster", admin.EmptyFieldListFilter),
        ("poster_url", admin.EmptyFieldListFilter),
        "venue",
    )
    search_fields = (
        "title_ko__mentions",
        "title_en__mentions",
        "artist_ko__mentions",
        "artist_en__mentions",
        "venue__name_ko__mentions",
    )
    autocomplete_fields = ("venue",)
    readonly_fields = ("published_at", "poster_shown", "poster_url")
    inlines = (PerformanceInline,)
    actions = ("publish", "unpublish")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Concert]:
        rows: QuerySet[Concert] = super().get_queryset(request).filter(deleted_at__isnull=True)
        return rows.annotate(performance_count=Count("performances"))

    def get_urls(self) -> list[URLPattern]:
        """Add the page of the poster."""
        own = path(
            "<uuid:concert_id>/poster/",
            self.admin_site.admin_view(self.poster_page),
            name="concerts_concert_poster",
        )
        return [own, *super().get_urls()]

    @admin.display(description=text(en="Performances", ko="회차"), ordering="performance_count")
    def number_of_performances(self, row: Any) -> int:
        """Show how many performances it has."""
        return int(row.performance_count)

    @staff_action(
        description=text(en="Publish", ko="공개"), permissions=["concerts.change_concert"]
    )
    def publish(
        self, request: HttpRequest, objects: list[Concert], *, reason: str, now: datetime
    ) -> str:
        """Make the picked concerts visible to the API."""
        for row in objects:
            programme.publish(concert_id=row.pk, actor_id=actor_of(request), reason=reason, now=now)
        return str(text(en="They are visible now.", ko="공개했습니다."))

    @staff_action(
        description=text(en="Unpublish", ko="비공개"), permissions=["concerts.change_concert"]
    )
    def unpublish(
        self, request: HttpRequest, objects: list[Concert], *, reason: str, now: datetime
    ) -> str:
        """Hide the picked concerts from the API; what is sold stays sold."""
        for row in objects:
            programme.unpublish(
                concert_id=row.pk, actor_id=actor_of(request), reason=reason, now=now
            )
        return str(text(en="They are hidden now.", ko="비공개로 바꿨습니다."))


@admin.register(Performance)
class PerformanceAdmin(StatusActions, LayoutViews, UploadViews, VenueTimes, _CatalogueAdmin):
    """One performance: its times here; its seats, prices and sale behind the links."""

    named_by, named_path = "concert", "concerts"
    start = venue_time("starts_at", text(en="Start", ko="시작"), relation="")

    list_display = ("concert", "start", "status", "layout_version", "layout_frozen_at")
    list_select_related = ("concert__venue",)
    list_filter = ("status", "starts_at", ("layout_frozen_at", admin.EmptyFieldListFilter))
    search_fields = (
        "concert__title_ko__mentions",
        "concert__title_en__mentions",
        "concert__artist_ko__mentions",
    )
    autocomplete_fields = ("concert",)
    fields = (
        "concert",
        *Performance.PUBLIC_FIELDS,
        "status",
        "refund_until",
        "layout_version",
        "layout_frozen_at",
        "preparation",
    )
    readonly_fields = (
        "status",
        "refund_until",
        "layout_version",
        "layout_frozen_at",
        "preparation",
    )
    ordering = ("-starts_at",)
    date_hierarchy = "starts_at"
    actions = StatusActions.status_actions

    def get_queryset(self, request: HttpRequest) -> QuerySet[Performance]:
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the concert of a performance that has been made."""
        return (*self.readonly_fields, *(("concert",) if obj is not None else ()))

    def get_urls(self) -> list[URLPattern]:
        """Add the layout pages."""
        wrap, key = self.admin_site.admin_view, "<uuid:performance_id>"
        own = [
            path(f"{key}/layout/", wrap(self.layout_page), name="concerts_performance_layout"),
            path(
                f"{key}/layout/<str:name>",
                wrap(self.layout_download),
                name="concerts_performance_layout_file",
            ),
            path(
                f"{key}/layout/uploads/<uuid:upload_id>/",
                wrap(self.upload_page),
                name="concerts_layout_upload",
            ),
        ]
        return own + super().get_urls()

    @admin.display(description=text(en="Preparing the sale", ko="판매 준비"))
    def preparation(self, row: Performance) -> SafeString | str:
        """Show the way to everything that a sale needs."""
        if row.pk is None or row._state.adding:
            return "-"
        places = [
            (text(en="Upload a layout", ko="좌석 배치 올리기"), "concerts_performance_layout", row),
            (text(en="Price grades", ko="좌석 등급"), "concerts_pricegrade_changelist", None),
            (text(en="Sections", ko="구역"), "concerts_section_changelist", None),
            (text(en="Seats", ko="좌석"), "concerts_seat_changelist", None),
            (
                text(en="Sale windows and check list", ko="판매 기간과 점검표"),
                "reservations_salepolicy_change",
                row,
            ),
            (
                text(en="Seats on sale", ko="판매 좌석"),
                "reservations_seatinventory_changelist",
                None,
            ),
            (text(en="Waiting room", ko="대기실"), "queueing_queueconfig_change", row),
        ]
        links = [(_address(name, row, own), label) for label, name, own in places]
        return format_html_join(
            "", '<div><a href="{}">{}</a></div>', [link for link in links if link[0]]
        )


def _address(name: str, row: Performance, own: Performance | None) -> str:
    """Return the address of a page, of this row or of all its rows; empty where there is none."""
    try:
        if own is not None:
            return reverse(f"admin:{name}", args=[own.pk])
        return format_html("{}?performance__id__exact={}", reverse(f"admin:{name}"), row.pk)
    except NoReverseMatch:
        return ""
