"""The page of a layout file that a worker reads, and the lists of such files."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from concerts import policy
from concerts.layout.form import Problem
from concerts.models import LayoutUpload, LayoutUploadPart, Performance
from concerts.usecases import uploads
from kernel import clock, stored_files
from kernel.errors import DomainError
from kernel.staff.actions import actor_of
from kernel.staff.admin import ReadOnlyAdmin

REFRESH_SECONDS = 2


def keep(
    request: HttpRequest,
    row: Performance,
    file: "UploadedFile[Any]",
    *,
    is_import: bool,
    reason: str,
) -> HttpResponseRedirect:
    """Store a large file for a worker and lead to its page; raises `LayoutUploadsFull`."""
    key = uploads.keep(
        performance_id=row.pk,
        name=file.name or "",
        parts=_parts(file),
        is_import=is_import,
        reason=reason,
        actor_id=actor_of(request),
        now=clock.now(),
    )
    return HttpResponseRedirect(reverse("admin:concerts_layout_upload", args=[row.pk, key]))


class UploadViews:
    """The page of one upload (a mixin of `ModelAdmin`)."""

    admin_site: Any
    opts: Any
    get_object: Any
    has_change_permission: Any

    def upload_page(
        self, request: HttpRequest, performance_id: UUID, upload_id: UUID
    ) -> HttpResponse:
        """Show how far a worker is, and what came of the file."""
        row = self.get_object(request, str(performance_id))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        upload = row.layout_uploads.filter(pk=upload_id).first()
        if upload is None:
            raise Http404
        is_open = upload.finished_at is None
        context = {
            **self.admin_site.each_context(request),
            "title": upload.name,
            "opts": self.opts,
            "original": row,
            "upload": upload,
            "report": _report(upload),
            "is_open": is_open,
            "file": stored_files.link_to(upload.file) if upload.file else "",
        }
        page = "admin/concerts/performance/upload.html"
        answer = TemplateResponse(request, page, context)
        if is_open:
            answer["Refresh"] = str(REFRESH_SECONDS)
        return answer


@admin.register(LayoutUpload)
class LayoutUploadAdmin(ReadOnlyAdmin):
    """Large layout files and what came of them."""

    list_display = ("name", "performance", "is_import", "state", "created_at", "finished_at")
    list_select_related = ("performance__concert__venue",)
    list_filter = ("state", "is_import")
    search_fields = ("name__mentions",)
    ordering = ("-created_at",)


@admin.register(LayoutUploadPart)
class LayoutUploadPartAdmin(ReadOnlyAdmin):
    """That parts of files wait; their bytes are shown to nobody."""

    list_display = ("upload", "number")
    list_select_related = ("upload",)
    list_filter = ("upload__state",)
    search_fields = ("upload__name__mentions",)
    fields = ("upload", "number")
    ordering = ("upload", "number")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")


def _parts(file: "UploadedFile[Any]") -> Iterator[bytes]:
    yield from file.chunks(policy.PART_BYTES)


def _report(upload: LayoutUpload) -> dict[str, Any]:
    found = upload.report
    error = DomainError.registry.get(found.get("code", ""))
    return {
        "problems": [Problem(**problem) for problem in found.get("problems", ())],
        "warnings": [Problem(**warning) for warning in found.get("warnings", ())],
        "difference": found.get("difference"),
        "refusal": str(error.message) if error else "",
        "imported": upload.is_import and upload.state == LayoutUpload.State.DONE,
    }
