"""The page of a concert's poster in the admin."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from concerts import policy, poster_files
from concerts.errors import PosterInvalid
from concerts.models import Concert, Poster
from concerts.poster_files import PosterFiles
from concerts.usecases import posters
from kernel import clock
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.staff.actions import actor_of
from kernel.staff.admin import ReadOnlyAdmin


class PosterForm(forms.Form):
    """A picture; `cleaned_data["file"]` is what was made of it."""

    file = forms.FileField(
        label=text(en="Picture (JPEG, PNG or WebP)", ko="이미지(JPEG, PNG, WebP)"),
        widget=forms.ClearableFileInput({"accept": "image/jpeg,image/png,image/webp"}),
        help_text=text(
            en=f"Up to {policy.POSTER_BYTES // 10**6} MB and {policy.POSTER_PIXELS // 10**6} "
            f"megapixels, best {policy.POSTER_WIDTHS[-1]} pixels wide or more.",
            ko=f"최대 {policy.POSTER_BYTES // 10**6}MB, {policy.POSTER_PIXELS // 10**6}메가픽셀. "
            f"가로 {policy.POSTER_WIDTHS[-1]}픽셀 이상을 권장합니다.",
        ),
    )

    def clean_file(self) -> PosterFiles:
        """Refuse beside the field what can't be a poster."""
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        try:
            poster_files.check_length(upload.size or 0)
            return poster_files.draw_again(upload.read())
        except PosterInvalid as refusal:
            raise forms.ValidationError(refusal.extras["problem"]) from None


class PosterViews:
    """The poster's page of the concert admin (a mixin of `ModelAdmin`)."""

    admin_site: Any
    opts: Any
    get_object: Any
    has_change_permission: Any
    message_user: Any

    def poster_page(self, request: HttpRequest, concert_id: UUID) -> HttpResponse:
        """Show the poster; take another one in its place, or remove it."""
        row: Concert | None = self.get_object(request, str(concert_id))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        removes = request.method == "POST" and "remove" in request.POST
        sent = request.method == "POST" and not removes
        form = PosterForm(request.POST, request.FILES) if sent else PosterForm()
        if removes or (sent and form.is_valid()):
            try:
                self.message_user(request, _work(request, row, form, removes=removes))
                change = reverse("admin:concerts_concert_change", args=[row.pk])
                return HttpResponseRedirect(change)
            except DomainError as refusal:
                self.message_user(request, str(refusal.message), messages.ERROR)
        context = {
            **self.admin_site.each_context(request),
            "title": text(en="Poster", ko="포스터"),
            "opts": self.opts,
            "original": row,
            "form": form,
            "picture": picture_of(row.poster),
        }
        return TemplateResponse(request, "admin/concerts/concert/poster.html", context)

    @admin.display(description=text(en="Poster", ko="포스터"))
    def poster_shown(self, row: Concert) -> SafeString | str:
        """Show the poster, and the way to the page that changes it."""
        if row._state.adding:
            return str(text(en="Save the concert first.", ko="공연을 먼저 저장해 주세요."))
        return format_html(
            '<p>{}</p><p><a href="{}">{}</a></p>',
            picture_of(row.poster),
            reverse("admin:concerts_concert_poster", args=[row.pk]),
            text(en="Upload or remove", ko="올리기 또는 삭제"),
        )


def picture_of(poster: Poster | None) -> SafeString | str:
    """Return the narrowest file as an element; a dash where there is none."""
    if poster is None:
        return "-"
    narrow = poster.widths[0]
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="">',
        f"{settings.MEDIA_URL}{poster.name_of(narrow)}",
        narrow // 2,
        round(narrow / 2 * poster.height / poster.width),
    )


@admin.register(Poster)
class PosterAdmin(ReadOnlyAdmin):
    """The posters that are stored."""

    list_display = ("digest", "width", "height", "unused_since")
    list_filter = (("unused_since", admin.EmptyFieldListFilter),)
    search_fields = ("digest",)
    ordering = ("-id",)


def _work(request: HttpRequest, row: Concert, form: PosterForm, *, removes: bool) -> str:
    who: dict[str, Any] = {"actor_id": actor_of(request), "reason": "", "now": clock.now()}
    if removes:
        posters.remove(concert_id=row.pk, **who)
        return str(text(en="The poster has been removed.", ko="포스터를 삭제했습니다."))
    posters.put(concert_id=row.pk, files=form.cleaned_data["file"], **who)
    return str(text(en="The poster has been stored.", ko="포스터를 저장했습니다."))
