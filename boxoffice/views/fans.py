"""Looking a fan up, and the fan's page: facts, timeline, what may be done (Note [Looks])."""

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.usecases.looks import record_look
from boxoffice import fans, timeline
from boxoffice.deeds import LOOK_UP_FAN, SEE_CONTACTS
from boxoffice.forms import LookUpForm, PointsForm, ReasonOnlyForm
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError

_LOOKS = "looks"  # in the session: fan -> reason
_KEPT = 20


@staff_page(LOOK_UP_FAN, do=LOOK_UP_FAN)
def look_up(visit: StaffVisit) -> HttpResponseBase:
    """Ask whom and why; lead to the fan, or name several who share a telephone number."""
    form = LookUpForm(visit.form)
    found: list[fans.FanFacts] = []
    refusal: DomainError | None = None
    if visit.is_form and form.is_valid():
        try:
            ids = fans.find(form.cleaned_data["what"])
        except DomainError as error:
            refusal = error
        else:
            _remember(visit, ids, form.cleaned_data["reason"])
            if len(ids) == 1:
                return redirect("boxoffice:fan", ids[0])
            found = [fans.facts(one, whole=False) for one in ids]
    return show(visit, "boxoffice/fans.html", refusal=refusal, form=form, found=found)


@staff_page(LOOK_UP_FAN)
def fan(visit: StaffVisit, fan_id: UUID) -> HttpResponseBase:
    """Show a fan to who has said why, and write the look down."""
    return fan_page(visit, fan_id)


def fan_page(
    visit: StaffVisit, fan_id: UUID, *, refusal: DomainError | None = None
) -> HttpResponseBase:
    """Return the fan's page, with a refusal of something that was tried on it."""
    reason = visit.request.session.get(_LOOKS, {}).get(str(fan_id))
    if reason is None:
        return redirect("boxoffice:fans")
    facts = fans.facts(fan_id, whole=visit.may(SEE_CONTACTS))
    record_look(user_id=fan_id, actor_id=visit.actor_id, reason=reason, now=visit.now)
    return show(
        visit,
        "boxoffice/fan.html",
        refusal=refusal,
        fan=facts,
        timeline=timeline.of_fan(fan_id, now=visit.now),
        why=ReasonOnlyForm(auto_id=False),
        points=PointsForm(),
    )


def _remember(visit: StaffVisit, ids: list[UUID], reason: str) -> None:
    looks = dict(visit.request.session.get(_LOOKS, {}))
    looks |= {str(one): reason for one in ids}
    visit.request.session[_LOOKS] = dict(list(looks.items())[-_KEPT:])
