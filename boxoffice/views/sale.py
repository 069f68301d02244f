"""Halting a sale and letting it go on: the effect first, then the deed; each undoes the other."""

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from boxoffice import performances
from boxoffice.deeds import HALT_SALE, WATCH
from boxoffice.forms import SaleForm
from boxoffice.performances import Listed
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError
from kernel.i18n import text
from reservations import queries
from reservations.usecases import sale

HALT, RESUME = "halt", "resume"
_SHOW = {"show_halt": HALT, "show_resume": RESUME}  # what asks for an effect, and for which


@staff_page(WATCH, do=HALT_SALE)
def controls(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show whether it sells; with a reason the effect of a change, and then do it."""
    one = performances.find(performance_id, now=visit.now)
    form = SaleForm(visit.form)
    refusal: DomainError | None = None
    if visit.is_form and one.sale.policy is not None and form.is_valid():
        try:
            if _do(visit, one, form):
                return redirect("boxoffice:sale", performance_id)
        except DomainError as error:
            refusal = error
            one = performances.find(performance_id, now=visit.now)
    return _page(visit, one, form, refusal)


def _do(visit: StaffVisit, one: Listed, form: SaleForm) -> bool:
    """Do what was confirmed; False where the form only asks for the effect."""
    performance_id, sent = one.sale.performance.pk, form.cleaned_data
    action = visit.form.get("action")
    deed = {"reason": sent["reason"], "actor_id": visit.actor_id, "now": visit.now}
    if action == HALT:
        sale.halt(performance_id=performance_id, **deed)
        visit.say(text(en="The sale is halted.", ko="판매를 중지했습니다."))
    elif action == RESUME:
        sale.resume(performance_id=performance_id, seen=sent["seen"], **deed)
        visit.say(text(en="The sale goes on.", ko="판매를 재개했습니다."))
    return action in (HALT, RESUME)


def _page(
    visit: StaffVisit, one: Listed, form: SaleForm, refusal: DomainError | None
) -> HttpResponseBase:
    performance_id = one.sale.performance.pk
    asks = form.is_bound and form.is_valid() and refusal is None
    planned = _SHOW.get(visit.form.get("action", "")) if asks else None
    return show(
        visit,
        "boxoffice/sale.html",
        refusal=refusal,
        one=one,
        here="sale",
        form=form,
        planned=planned,
        halts=queries.live_halts(performance_id=performance_id),
        seats=queries.seat_figures(performance_id=performance_id, now=visit.now).counts,
    )
