"""What waits for a second person: approve it, or refuse it with a reason."""

from collections.abc import Callable
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts import approvals
from accounts import queries as accounts
from accounts.errors import ApprovalNotFound
from accounts.models import Approval
from accounts.usecases.approvals import refuse
from boxoffice import fans
from boxoffice.deeds import (
    ADJUST_POINTS,
    LOOK_UP_FAN,
    REFUND,
    SEE_CONTACTS,
    Deed,
    DeedNotAllowed,
)
from boxoffice.forms import ReasonOnlyForm
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.money import Money
from kernel.staff import refusals
from payments.usecases.refunding import by_staff
from points.usecases import adjustments

# Which role decides which kind, and what then does the deed.
KINDS: dict[str, Deed] = {adjustments.APPROVAL: ADJUST_POINTS, by_staff.APPROVAL: REFUND}
_APPROVE: dict[str, Callable[..., object]] = {
    adjustments.APPROVAL: adjustments.approve,
    by_staff.APPROVAL: by_staff.approve,
}


@staff_page(LOOK_UP_FAN)
def waiting(visit: StaffVisit) -> HttpResponseBase:
    """List what waits, one's own too."""
    return _page(visit)


@staff_page(LOOK_UP_FAN, do=LOOK_UP_FAN)
def decide(visit: StaffVisit, approval_id: UUID) -> HttpResponseBase:
    """Approve or refuse; who does either must be allowed the deed itself."""
    asked = approvals.find(approval_id=approval_id)
    deed = None if asked is None else KINDS.get(asked.kind)
    if asked is None or deed is None:
        raise ApprovalNotFound
    if not visit.may(deed):
        refusal = DeedNotAllowed()
        refusals.record_error(visit.request, refusal, deed=deed.name)
        raise refusal
    try:
        if visit.is_form and not _decide(visit, asked):
            return _page(visit)
    except DomainError as error:
        refusals.record_error(visit.request, error, deed=deed.name)
        return _page(visit, refusal=error)
    return redirect("boxoffice:approvals")


def _decide(visit: StaffVisit, asked: Approval) -> bool:
    """Do what the button says; False where it says nothing, or the reason is missing."""
    action = visit.form.get("action")
    if action == "approve":
        _APPROVE[asked.kind](approval_id=asked.pk, actor_id=visit.actor_id, now=visit.now)
        visit.say(text(en="Approved and done.", ko="승인하여 처리했습니다."))
        return True
    form = ReasonOnlyForm(visit.form)
    if action != "refuse" or not form.is_valid():
        return False
    refuse(
        approval_id=asked.pk,
        actor_id=visit.actor_id,
        reason=form.cleaned_data["reason"],
        now=visit.now,
    )
    visit.say(text(en="Refused.", ko="거절했습니다."))
    return True


def _page(visit: StaffVisit, *, refusal: DomainError | None = None) -> HttpResponseBase:
    rows = approvals.waiting(now=visit.now)
    people = accounts.people({one for row in rows for one in (row.subject_id, row.requested_by)})
    whole = visit.may(SEE_CONTACTS)
    return show(
        visit,
        "boxoffice/approvals.html",
        refusal=refusal,
        rows=[
            {
                "asked": row,
                "money": _money(row),
                "whom": fans.name_of(people.get(row.subject_id), whole=whole),
                "by": fans.name_of(people.get(row.requested_by), whole=True),
                "is_own": row.requested_by == visit.actor_id,
                "may": row.kind in KINDS and visit.may(KINDS[row.kind]),
            }
            for row in rows
        ],
    )


def _money(row: Approval) -> Money | None:
    if "amount" in row.facts:
        return Money(int(row.facts["amount"]), str(row.facts.get("currency", "KRW")))
    return Money(int(row.facts["points"])) if "points" in row.facts else None
