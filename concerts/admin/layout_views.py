"""Upload and download of layout files in the admin."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from concerts import policy, queries
from concerts.admin import upload_views
from concerts.layout import files
from concerts.layout.difference import Difference
from concerts.layout.form import MAX_BYTES, Problem
from concerts.layout.rules import warnings_of
from concerts.models import Performance
from concerts.usecases import layouts
from kernel import clock
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.staff.actions import actor_of


class LayoutForm(forms.Form):
    """A layout file, and why it is imported."""

    file = forms.FileField(
        label=text(en="Layout file (.json or .csv)", ko="좌석 배치 파일(.json 또는 .csv)")
    )
    reason = forms.CharField(
        label=text(en="Reason (to import)", ko="사유(가져올 때 필요)"),
        max_length=500,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the reason only when something is to be written."""
        values = super().clean() or {}
        if "import" in self.data and not values.get("reason"):
            self.add_error("reason", text(en="Say why.", ko="사유를 입력해 주세요."))
        return values


@dataclass(slots=True)
class Report:
    """What the page tells about a file."""

    difference: Difference | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    refusal: str = ""
    imported: bool = False


class LayoutViews:
    """The layout pages of the performance admin (a mixin of `ModelAdmin`)."""

    admin_site: Any
    opts: Any
    get_object: Any
    has_change_permission: Any
    has_view_permission: Any
    message_user: Any

    def layout_page(self, request: HttpRequest, performance_id: UUID) -> HttpResponseBase:
        """Show the form; check a file without writing, or import it."""
        row = self._row(request, performance_id)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        form = LayoutForm(request.POST or None, request.FILES or None)
        report: Report | HttpResponseRedirect | None = None
        if request.method == "POST" and form.is_valid():
            report = _work(request, row, form.cleaned_data, write="import" in request.POST)
            if isinstance(report, HttpResponseRedirect):
                return report
            if report.imported:
                message = text(en="The layout has been imported.", ko="좌석 배치를 가져왔습니다.")
                self.message_user(request, message, messages.SUCCESS)
                for warning in report.warnings:
                    self.message_user(request, str(warning), messages.WARNING)
                change = reverse("admin:concerts_performance_change", args=[row.pk])
                return HttpResponseRedirect(change)
        context = {
            **self.admin_site.each_context(request),
            "title": text(en="Seat layout", ko="좌석 배치"),
            "opts": self.opts,
            "original": row,
            "form": form,
            "report": report,
            "frozen": row.layout_frozen_at is not None,
            "limit": MAX_BYTES // 2**20,
        }
        return TemplateResponse(request, "admin/concerts/performance/layout.html", context)

    def layout_download(
        self, request: HttpRequest, performance_id: UUID, name: str
    ) -> HttpResponse:
        """Send the layout as `layout.json` or `layout.csv`."""
        row = self._row(request, performance_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        types = {"layout.json": "application/json", "layout.csv": "text/csv; charset=utf-8"}
        layout = queries.layout_of(performance_id)
        if name not in types or not layout.seats:
            raise Http404
        content = files.encode(files.write(layout, name=name), name=name)
        answer = HttpResponse(content, content_type=types[name])
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _row(self, request: HttpRequest, performance_id: UUID) -> Performance:
        row: Performance | None = self.get_object(request, str(performance_id))
        if row is None:
            raise Http404
        return row


def _work(
    request: HttpRequest, row: Performance, values: dict[str, Any], *, write: bool
) -> Report | HttpResponseRedirect:
    """Read a small file now; leave a large one to a worker (Note [Large layout files])."""
    upload = values["file"]
    problems = files.refusals(name=upload.name, size=upload.size)
    if problems:
        return Report(problems=tuple(problems))
    if upload.size > policy.READ_AT_ONCE_BYTES:
        try:
            return upload_views.keep(request, row, upload, is_import=write, reason=values["reason"])
        except DomainError as refusal:
            return Report(refusal=str(refusal.message))
    content = upload.read()
    layout, problems = files.read(name=upload.name, content=content)
    if layout is None or problems:
        return Report(problems=tuple(problems))
    warnings, now = tuple(warnings_of(layout)), clock.now()
    try:
        if not write:
            return Report(layouts.preview(performance_id=row.pk, layout=layout), warnings=warnings)
        difference, _ = layouts.import_file(
            layouts.LayoutFile(upload.name, content, now),
            performance_id=row.pk,
            layout=layout,
            actor_id=actor_of(request),
            reason=values["reason"],
            now=now,
        )
    except DomainError as refusal:
        return Report(refusal=str(refusal.message))
    return Report(difference, warnings=warnings, imported=True)
