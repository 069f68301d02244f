"""The admin actions that say whether a performance takes place."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.http import HttpRequest

from concerts import policy
from concerts.models import Performance
from concerts.usecases import programme
from kernel.i18n import text
from kernel.staff.actions import ReasonForm, actor_of, staff_action

_CHANGE = ["concerts.change_performance"]


class PostponeForm(ReasonForm):
    """The reason, and how long bought seats are given back without a fee."""

    refund_days = forms.IntegerField(
        label=text(en="Refund window (days)", ko="환불 기간(일)"),
        initial=policy.REFUND_DAYS,
        min_value=policy.REFUND_DAYS_BOUNDS[0],
        max_value=policy.REFUND_DAYS_BOUNDS[1],
        help_text=text(
            en="From now on; bought seats are given back without a fee meanwhile.",
            ko="지금부터 이 기간 동안 수수료 없이 취소할 수 있습니다.",
        ),
    )


class StatusActions:
    """Schedule, postpone and cancel, by the use cases of `programme`."""

    status_actions = ("schedule", "postpone", "cancel")

    @staff_action(
        description=text(en="Back on schedule", ko="정상 진행으로 변경"), permissions=_CHANGE
    )
    def schedule(
        self, request: HttpRequest, objects: list[Performance], *, reason: str, now: datetime
    ) -> None:
        """Say that the picked performances take place as planned."""
        _set(request, objects, Performance.Status.SCHEDULED, reason, now)

    @staff_action(
        description=text(en="Postpone", ko="연기"), permissions=_CHANGE, form_class=PostponeForm
    )
    def postpone(
        self,
        request: HttpRequest,
        objects: list[Performance],
        *,
        reason: str,
        refund_days: int,
        now: datetime,
    ) -> None:
        """Say that the picked performances will be later, and open their refund windows."""
        for row in objects:
            programme.postpone(
                performance_id=row.pk,
                refund_until=now + timedelta(days=refund_days),
                actor_id=actor_of(request),
                reason=reason,
                now=now,
            )

    @staff_action(description=text(en="Cancel", ko="취소"), permissions=_CHANGE)
    def cancel(
        self, request: HttpRequest, objects: list[Performance], *, reason: str, now: datetime
    ) -> None:
        """Say that the picked performances will not take place."""
        _set(request, objects, Performance.Status.CANCELLED, reason, now)


def _set(
    request: HttpRequest,
    objects: Iterable[Performance],
    status: Performance.Status,
    reason: str,
    now: datetime,
) -> None:
    for row in objects:
        programme.set_status(
            performance_id=row.pk,
            status=status,
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
