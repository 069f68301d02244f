"""Staff screens of draws: what they were committed to, their beacons, and who was drawn."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from kernel.i18n import text
from kernel.staff.actions import ReasonForm, actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin
from queueing import policy, queries
from queueing.models import DrawCommitment, DrawRoster
from queueing.usecases import draws

_CHANGE = ["queueing.change_queueconfig"]
_SEARCH = (
    "performance__concert__title_ko__mentions",
    "performance__concert__title_en__mentions",
)


class AnnouncementForm(ReasonForm):
    """Which beacon is to be mixed in."""

    source = forms.CharField(
        label=text(en="Beacon", ko="비콘"),
        max_length=policy.BEACON_NAME_LENGTH,
        initial=policy.DRAND,
    )
    round_ = forms.CharField(
        label=text(en="Round", ko="회차"), max_length=policy.BEACON_NAME_LENGTH
    )
    published_at = forms.DateTimeField(
        label=text(
            en=f"When its value is published, such as 2026-11-21T11:00:00+09:00 "
            f"(empty: {policy.DRAND}, by its round)",
            ko=f"값 공개 시각, 예: 2026-11-21T11:00:00+09:00 ({policy.DRAND}이면 비워 두세요)",
        ),
        required=False,
    )


class BeaconValueForm(ReasonForm):
    """The value that a beacon has published."""

    value = forms.CharField(
        label=text(en="Value, as published", ko="공개된 값"), max_length=256, strip=True
    )


@admin.register(DrawCommitment)
class DrawCommitmentAdmin(ReadOnlyAdmin):
    """The commitment, which may be shown to everybody, and the seed once the draw is over."""

    list_display = (
        "performance",
        "commitment",
        "committed_at",
        "beacon_source",
        "beacon_round",
        "beacon_published_at",
        "beacon_value",
    )
    # The seed says how the draw will come out: not even staff see it before.
    exclude = ("draw_seed",)
    readonly_fields = ("revealed_seed",)
    list_select_related = ("performance__concert__venue",)
    list_filter = ("beacon_source",)
    search_fields = _SEARCH
    date_hierarchy = "committed_at"
    ordering = ("-performance_id",)
    actions = ("announce_beacon", "enter_beacon")

    @admin.display(description=text(en="seed of the draw", ko="추첨 시드"))
    def revealed_seed(self, row: DrawCommitment) -> str:
        """Show the seed once the draw is over, so that anybody can check it."""
        return queries.draw_facts_kept(row.performance_id).seed

    @staff_action(
        description=text(en="Announce a beacon", ko="비콘 예고"),
        permissions=_CHANGE,
        form_class=AnnouncementForm,
    )
    def announce_beacon(
        self,
        request: HttpRequest,
        objects: list[Any],
        *,
        now: datetime,
        reason: str,
        source: str,
        round_: str,
        published_at: datetime | None,
    ) -> None:
        """Say which value will be mixed in, before it exists."""
        for row in objects:
            draws.announce_beacon(
                performance_id=row.performance_id,
                source=source,
                round_=round_,
                published_at=published_at,
                actor_id=actor_of(request),
                reason=reason,
                now=now,
            )

    @staff_action(
        description=text(en="Enter the beacon's value", ko="비콘 값 입력"),
        permissions=_CHANGE,
        form_class=BeaconValueForm,
    )
    def enter_beacon(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str, value: str
    ) -> None:
        """Enter what the beacon that was announced has published."""
        for row in objects:
            draws.enter_beacon(
                performance_id=row.performance_id,
                value=value,
                actor_id=actor_of(request),
                reason=reason,
                now=now,
            )


@admin.register(DrawRoster)
class DrawRosterAdmin(ReadOnlyAdmin):
    """Who was drawn: a digest of it, as the API shows the rest."""

    list_display = ("performance", "lines_sha256", "made_at")
    exclude = ("lines",)
    list_select_related = ("performance__concert__venue",)
    search_fields = _SEARCH
    date_hierarchy = "made_at"
    ordering = ("-performance_id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave the lines where they are: up to 16 MiB."""
        return super().get_queryset(request).defer("lines")
