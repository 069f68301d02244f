"""Staff screens of waiting rooms, their progress and invitations."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from concerts.admin.questions import AskingForm, AsksFirst, confirmed
from concerts.admin.venue_times import VenueTimes, venue_time
from kernel import clock
from kernel.i18n import text
from kernel.staff.actions import ReasonForm, actor_of, staff_action
from kernel.staff.admin import ReadOnlyAdmin, ReadOnlyInline, UseCaseAdmin
from queueing import draw_admin as draw_admin  # noqa: PLC0414  (registers its pages)
from queueing import policy, queries
from queueing.models import Invitation, InvitationUse, QueueConfig, QueueProgress, RoomState
from queueing.usecases import config as config_use_case
from queueing.usecases import invitations

_CHANGE = ["queueing.change_queueconfig"]
_INVITE = ["queueing.add_invitation"]


class InvitationForm(ReasonForm):
    """What invitations staff want."""

    label = forms.CharField(label=text(en="For whom", ko="대상"), max_length=100)
    count = forms.IntegerField(
        label=text(en="Codes", ko="코드 수"),
        min_value=1,
        max_value=policy.INVITATIONS_AT_ONCE,
        initial=1,
    )
    uses_allowed = forms.IntegerField(
        label=text(en="People a code", ko="코드당 인원"),
        min_value=1,
        max_value=policy.INVITATION_USES,
        initial=1,
    )
    days = forms.IntegerField(
        label=text(en="Days they are good", ko="유효 일수"),
        min_value=1,
        max_value=365,
        initial=30,
    )


@admin.register(QueueConfig)
class QueueConfigAdmin(AsksFirst, VenueTimes, UseCaseAdmin):
    """Rate, capacity, times and state; in force within two seconds, each change with a reason."""

    joins_open = venue_time("queue_opens_at", text(en="Queue opens", ko="대기열 시작"))
    admission_opens = venue_time("admission_opens_at", text(en="Admission opens", ko="입장 시작"))

    form = AskingForm
    key_field = "performance"
    list_display = (
        "performance",
        "in_force",
        "queue_required",
        "joins_open",
        "admission_opens",
        "rate_per_second",
        "capacity",
        "version",
    )
    list_filter = ("state", "queue_required")
    list_select_related = ("performance__concert__venue",)
    search_fields = (
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    )
    date_hierarchy = "queue_opens_at"
    ordering = ("-queue_opens_at",)
    autocomplete_fields = ()
    raw_id_fields = ("performance",)
    readonly_fields = ("version",)
    actions = ("pause", "resume", "drain", "close", "invite")
    may_add = True

    @admin.display(description=text(en="state now", ko="현재 상태"), ordering="state")
    def in_force(self, row: QueueConfig) -> str:
        """Show the state that fans meet: PRESALE ends by itself when admission opens."""
        return str(RoomState(queries.rules_of(row).state_at(clock.now())).label)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "performance") if obj else self.readonly_fields

    def perform_change(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        changes: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        wanted = {name: changes[name] for name in config_use_case.CHANGEABLE & set(changes)}
        if obj._state.adding:  # the defaults shown in the form count as chosen
            wanted = {name: getattr(obj, name) for name in config_use_case.CHANGEABLE}
        config_use_case.set_config(
            performance_id=obj.performance_id,
            changes=wanted,
            actor_id=actor_of(request),
            reason=reason,
            now=now,
            expected_version=0 if obj._state.adding else None,
            confirmed=confirmed(request),
        )

    @staff_action(description=text(en="Pause admission", ko="입장 일시 중지"), permissions=_CHANGE)
    def pause(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str
    ) -> None:
        """Admit nobody and take no joins; places stay."""
        _set_state(request, objects, RoomState.PAUSED, reason, now)

    @staff_action(description=text(en="Open or go on", ko="입장 시작·재개"), permissions=_CHANGE)
    def resume(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str
    ) -> None:
        """Admit from now on, whatever the opening time says."""
        _set_state(request, objects, RoomState.OPEN, reason, now)

    @staff_action(
        description=text(en="Drain: no new joins", ko="신규 대기 마감"), permissions=_CHANGE
    )
    def drain(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str
    ) -> None:
        """Take no joins, admit those who wait."""
        _set_state(request, objects, RoomState.DRAINING, reason, now)

    @staff_action(description=text(en="Close the queue", ko="대기열 종료"), permissions=_CHANGE)
    def close(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str
    ) -> None:
        """Take no joins and admit nobody; those admitted finish."""
        _set_state(request, objects, RoomState.CLOSED, reason, now)

    @staff_action(
        description=text(en="Issue invitations", ko="초대 발급"),
        permissions=_INVITE,
        form_class=InvitationForm,
    )
    def invite(
        self,
        request: HttpRequest,
        objects: list[Any],
        *,
        now: datetime,
        reason: str,
        label: str,
        count: int,
        uses_allowed: int,
        days: int,
    ) -> str:
        """Make codes for each room picked; the list of invitations shows them."""
        for config in objects:
            invitations.issue(
                performance_id=config.performance_id,
                label=label,
                count=count,
                uses_allowed=uses_allowed,
                expires_at=now + timedelta(days=days),
                actor_id=actor_of(request),
                reason=reason,
                now=now,
            )
        return str(text(en="Issued: see the invitations.", ko="발급했습니다. 초대 목록을 보세요."))


class InvitationUseInline(ReadOnlyInline):
    """The people who used the invitation."""

    model = InvitationUse
    fields = ("user_id", "used_at")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations, their codes and who used them; withdrawn with a reason."""

    list_display = ("label", "performance", "uses", "uses_allowed", "expires_at", "revoked_at")
    list_filter = ("expires_at", "revoked_at")
    list_select_related = ("performance__concert__venue",)
    search_fields = (
        "label__mentions",
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    )
    date_hierarchy = "created_at"
    ordering = ("-id",)
    readonly_fields = ("code",)
    inlines = (InvitationUseInline,)
    actions = ("withdraw",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the code only to those who may issue codes."""
        fields = ["performance", "label", "uses", "uses_allowed", "expires_at", "revoked_at"]
        return [*fields, "code"] if request.user.has_perms(_INVITE) else fields

    @admin.display(description=text(en="code", ko="코드"))
    def code(self, obj: Invitation) -> str:
        return invitations.code_of(obj)

    @staff_action(description=text(en="Withdraw", ko="초대 취소"), permissions=_INVITE)
    def withdraw(
        self, request: HttpRequest, objects: list[Any], *, now: datetime, reason: str
    ) -> None:
        """Admit nobody else by these; those admitted stay."""
        invitations.revoke(
            invitation_ids=[invitation.pk for invitation in objects],
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )


@admin.register(InvitationUse)
class InvitationUseAdmin(ReadOnlyAdmin):
    """The people who used an invitation."""

    list_display = ("user_id", "invitation", "used_at")
    list_filter = ("used_at",)
    list_select_related = ("invitation",)
    search_fields = ("user_id", "invitation__label__mentions")
    ordering = ("-id",)


@admin.register(QueueProgress)
class QueueProgressAdmin(ReadOnlyAdmin):
    """What PostgreSQL keeps of each room."""

    list_display = ("performance", "serving", "number_ceiling", "epoch")
    # What keys the draw says how it will come out: not even staff see it before.
    exclude = ("draw_seed",)
    list_select_related = ("performance__concert__venue",)
    list_filter = ("epoch",)
    search_fields = (
        "performance__concert__title_ko__mentions",
        "performance__concert__title_en__mentions",
    )
    ordering = ("-performance_id",)


def _set_state(
    request: HttpRequest, objects: list[Any], state: str, reason: str, now: datetime
) -> None:
    for config in objects:
        config_use_case.set_config(
            performance_id=config.performance_id,
            changes={"state": state},
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
