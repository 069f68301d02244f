"""What staff do about a fan: each deed a form of the fan's page, with its reason."""

from collections.abc import Callable
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise

from accounts.usecases import people
from boxoffice.deeds import ADJUST_POINTS, LOCK_OUT, LOOK_UP_FAN, RELEASE_HOLD, SEND_AGAIN
from boxoffice.forms import PointsForm, ReasonOnlyForm
from boxoffice.staff_pages import StaffVisit, staff_page
from boxoffice.views.fans import fan_page
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from notifications.usecases import again
from points.usecases import adjustments
from reservations.usecases import holds


class ReasonMissing(DomainError):
    """A deed was sent without its reason, or with something else missing."""

    code = "staff_form_incomplete"
    kind = Kind.INVALID
    message = text(
        en="Say why, and fill in everything.", ko="사유와 필요한 내용을 모두 입력해 주세요."
    )


@staff_page(LOOK_UP_FAN, do=SEND_AGAIN)
def send_again(visit: StaffVisit, fan_id: UUID, letter_id: UUID) -> HttpResponseBase:
    """Let a letter go out again."""

    def perform(reason: str) -> Promise:
        sent = again.send_to_fan_again(
            letter_id=letter_id,
            user_id=fan_id,
            actor_id=visit.actor_id,
            reason=reason,
            now=visit.now,
        )
        if sent:
            return text(en="The letter is sent again.", ko="알림을 다시 보냅니다.")
        return text(en="The letter waits already.", ko="이미 발송 대기 중인 알림입니다.")

    return _perform(visit, fan_id, perform)


@staff_page(LOOK_UP_FAN, do=RELEASE_HOLD)
def release_hold(visit: StaffVisit, fan_id: UUID, reservation_id: UUID) -> HttpResponseBase:
    """End a hold."""

    def perform(reason: str) -> Promise:
        holds.release_by_staff(
            reservation_id=reservation_id,
            user_id=fan_id,
            actor_id=visit.actor_id,
            reason=reason,
            now=visit.now,
        )
        return text(en="The hold is released.", ko="선점을 해제했습니다.")

    return _perform(visit, fan_id, perform)


@staff_page(LOOK_UP_FAN, do=LOCK_OUT)
def lock_out(visit: StaffVisit, fan_id: UUID) -> HttpResponseBase:
    """Lock a fan out, or let in again."""
    lets_in = visit.is_form and visit.form.get("action") == "let_in"

    def perform(reason: str) -> Promise:
        act = people.unlock if lets_in else people.lock_out
        act(user_ids=[fan_id], actor_id=visit.actor_id, reason=reason, now=visit.now)
        if lets_in:
            return text(en="The fan may log in again.", ko="로그인 차단을 해제했습니다.")
        return text(en="The fan is locked out.", ko="로그인을 차단했습니다.")

    return _perform(visit, fan_id, perform)


@staff_page(LOOK_UP_FAN, do=ADJUST_POINTS)
def adjust_points(visit: StaffVisit, fan_id: UUID) -> HttpResponseBase:
    """Give points or take them back; much waits for a second person."""
    form = PointsForm(visit.form)

    def perform(reason: str) -> Promise:
        if not form.is_valid():
            raise ReasonMissing
        done = adjustments.adjust(
            user_id=fan_id,
            points=form.cleaned_data["points"],
            adjustment_id=form.cleaned_data["adjustment_id"],
            reason=reason,
            actor_id=visit.actor_id,
            now=visit.now,
        )
        if done.approval_id is None:
            return text(en="The points are adjusted.", ko="포인트를 조정했습니다.")
        return text(en="It waits for a second person.", ko="다른 담당자의 승인을 기다립니다.")

    return _perform(visit, fan_id, perform)


def _perform(
    visit: StaffVisit, fan_id: UUID, perform: Callable[[str], Promise]
) -> HttpResponseBase:
    if not visit.is_form:
        return redirect("boxoffice:fan", fan_id)
    form = ReasonOnlyForm(visit.form)
    try:
        if not form.is_valid():
            raise ReasonMissing
        visit.say(perform(form.cleaned_data["reason"]))
    except DomainError as refusal:
        return fan_page(visit, fan_id, refusal=refusal)
    return redirect("boxoffice:fan", fan_id)
