"""Preparing a sale: the steps, and the two deeds at their end."""

from collections.abc import Callable
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise

from boxoffice import performances, preparation
from boxoffice.deeds import PUBLISH, PUT_ON_SALE, WATCH
from boxoffice.forms import ReasonOnlyForm
from boxoffice.staff_pages import StaffVisit, show, staff_page
from concerts.usecases import programme
from kernel.errors import DomainError
from kernel.i18n import text
from reservations.usecases import inventory


@staff_page(WATCH)
def steps(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show the check list, each line leading to what is missing."""
    return _page(visit, performance_id)


@staff_page(WATCH, do=PUT_ON_SALE)
def put_on_sale(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Put every seat on sale; the layout is frozen from then on."""

    def perform(reason: str) -> Promise:
        done = inventory.put_on_sale(
            performance_id=performance_id, actor_id=visit.actor_id, now=visit.now, reason=reason
        )
        return text(en=f"{done.seats} seats are on sale.", ko=f"{done.seats}석을 판매합니다.")

    return _perform(visit, performance_id, perform)


@staff_page(WATCH, do=PUBLISH)
def publish(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show the concert to everybody."""

    def perform(reason: str) -> Promise:
        one = performances.find(performance_id, now=visit.now)
        programme.publish(
            concert_id=one.sale.performance.concert_id,
            actor_id=visit.actor_id,
            reason=reason,
            now=visit.now,
        )
        return text(en="The concert is published.", ko="공연을 공개했습니다.")

    return _perform(visit, performance_id, perform)


def _perform(
    visit: StaffVisit, performance_id: UUID, perform: Callable[[str], Promise]
) -> HttpResponseBase:
    if not visit.is_form:
        return redirect("boxoffice:prepare", performance_id)
    form = ReasonOnlyForm(visit.form)
    if not form.is_valid():
        return _page(visit, performance_id, form=form)
    try:
        visit.say(perform(form.cleaned_data["reason"]))
    except DomainError as refusal:
        return _page(visit, performance_id, form=form, refusal=refusal)
    return redirect("boxoffice:prepare", performance_id)


def _page(
    visit: StaffVisit,
    performance_id: UUID,
    *,
    form: ReasonOnlyForm | None = None,
    refusal: DomainError | None = None,
) -> HttpResponseBase:
    one = performances.find(performance_id, now=visit.now)
    found = preparation.steps(one, now=visit.now)
    return show(
        visit,
        "boxoffice/prepare.html",
        refusal=refusal,
        one=one,
        here="prepare",
        steps=found,
        is_ready=all(step.check.passed for step in found if step.check.required),
        queue_url=preparation.queue_url(one),
        form=form or ReasonOnlyForm(),
    )
