"""Upload of a layout: its picture and its differences first, the import by a second press."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from boxoffice import performances
from boxoffice.deeds import UPLOAD_LAYOUT, WATCH
from boxoffice.forms import CheckedLayoutForm, LayoutFileForm
from boxoffice.layout_picture import picture
from boxoffice.performances import Listed
from boxoffice.staff_pages import StaffVisit, show, staff_page
from concerts import policy, queries
from concerts.errors import LayoutInvalid
from concerts.layout import files
from concerts.layout.difference import Difference, GradeLine, with_names
from concerts.layout.form import Layout
from concerts.layout.rules import warnings_of
from concerts.usecases import layouts, uploads
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.money import Money


@staff_page(WATCH, do=UPLOAD_LAYOUT)
def upload(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Check a file and show what it would change; import the checked one with a reason."""
    one = performances.find(performance_id, now=visit.now)
    try:
        if visit.is_form and visit.form.get("action") == "import":
            return _import(visit, one)
        if visit.is_form:
            return _check(visit, one)
    except DomainError as refusal:
        return _page(visit, one, refusal=refusal)
    return _page(visit, one)


def _check(visit: StaffVisit, one: Listed) -> HttpResponseBase:
    form = LayoutFileForm(visit.form, visit.request.FILES)
    if not form.is_valid():
        return _page(visit, one, form=form)
    file = form.cleaned_data["file"]
    problems = files.refusals(name=file.name, size=file.size)
    if problems:
        return _page(visit, one, problems=problems)
    if file.size > policy.READ_AT_ONCE_BYTES:
        key = uploads.keep(
            performance_id=one.sale.performance.pk,
            name=file.name,
            parts=file.chunks(policy.PART_BYTES),
            is_import=False,
            reason="",
            actor_id=visit.actor_id,
            now=visit.now,
        )
        return redirect("admin:concerts_layout_upload", one.sale.performance.pk, key)
    content = file.read()
    layout, problems = files.read(name=file.name, content=content)
    if layout is None or problems:
        return _page(visit, one, problems=problems)
    checked = {"name": file.name, "content": b64encode(content).decode()}
    return _page(visit, one, checked=CheckedLayoutForm(initial=checked), layout=layout)


def _import(visit: StaffVisit, one: Listed) -> HttpResponseBase:
    form = CheckedLayoutForm(visit.form)
    form.full_clean()
    name, content = form.cleaned_data.get("name", ""), _content(form)
    layout, problems = files.read(name=name, content=content)
    if layout is None or problems:
        return _page(visit, one, problems=problems)
    if not form.is_valid():
        return _page(visit, one, checked=form, layout=layout)
    change, _ = layouts.import_file(
        layouts.LayoutFile(name, content, visit.now),
        performance_id=one.sale.performance.pk,
        layout=layout,
        actor_id=visit.actor_id,
        reason=form.cleaned_data["reason"],
        now=visit.now,
    )
    visit.say(text(en=f"{change.seats} seats imported.", ko=f"{change.seats}석을 가져왔습니다."))
    return redirect("boxoffice:prepare", one.sale.performance.pk)


def _content(form: CheckedLayoutForm) -> bytes:
    try:
        return b64decode(form.cleaned_data.get("content", ""), validate=True)
    except NotBase64:
        raise LayoutInvalid(problems=[]) from None


def _priced(difference: Difference | None) -> list[tuple[GradeLine, Money, Money | None]]:
    """Return each grade with its price and the one before; None: it is new."""
    return [
        (
            one,
            Money(one.price),
            None if one.price_before is None else Money(one.price_before),
        )
        for one in (difference.grades if difference else ())
    ]


def _page(
    visit: StaffVisit,
    one: Listed,
    *,
    refusal: DomainError | None = None,
    layout: Layout | None = None,
    form: LayoutFileForm | None = None,
    **facts: Any,
) -> HttpResponseBase:
    performance_id = one.sale.performance.pk
    old = queries.layout_of(performance_id)
    difference, shown, warnings = None, old, []
    if layout is not None and refusal is None:
        try:
            difference = layouts.preview(performance_id=performance_id, layout=layout)
        except DomainError as error:
            refusal = error
        else:
            shown, warnings = with_names(layout, old), warnings_of(layout)
    return show(
        visit,
        "boxoffice/layout.html",
        refusal=refusal,
        one=one,
        here="prepare",
        form=form or LayoutFileForm(),
        difference=difference,
        grades=_priced(difference),
        picture=picture(old, shown),
        warnings=warnings,
        is_frozen=one.sale.performance.layout_frozen_at is not None,
        **facts,
    )
