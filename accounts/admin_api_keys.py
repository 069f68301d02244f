"""The staff screen of API keys: make one, see it once, revoke it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from accounts.api_key_models import MOST_PERFORMANCES
from accounts.models import ApiKey
from accounts.usecases import api_keys
from kernel.i18n import text
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import ReasonModelForm, UseCaseAdmin


class _Ids(forms.CharField):
    """Ids, one a line or with commas between."""

    def clean(self, value: Any) -> list[str]:
        """Return the ids, each once; raises `ValidationError`."""
        words = str(super().clean(value)).replace(",", " ").split()
        if len(words) > MOST_PERFORMANCES:
            raise forms.ValidationError(
                text(
                    en=f"At most {MOST_PERFORMANCES} performances.",
                    ko=f"회차는 최대 {MOST_PERFORMANCES}개까지 지정할 수 있습니다.",
                )
            )
        try:
            return sorted({str(UUID(word)) for word in words})
        except ValueError:
            raise forms.ValidationError(
                text(en="Ids only, one a line.", ko="ID를 한 줄에 하나씩 입력해 주세요.")
            ) from None


class ApiKeyForm(ReasonModelForm):
    """What a new key may do, where and until when."""

    scopes = forms.MultipleChoiceField(
        label=text(en="May", ko="권한 범위"),
        choices=ApiKey.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    performance_ids = _Ids(
        label=text(en="Performances (ids)", ko="회차 ID"),
        help_text=text(en="Empty: all performances.", ko="비우면 모든 회차에 쓸 수 있습니다."),
        required=False,
        max_length=50 * MOST_PERFORMANCES,
        widget=forms.Textarea({"rows": 3}),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(UseCaseAdmin):
    """Credentials of machines; a key is shown once, when it is made, and never changed."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "expires_at", "revoked_at", "last_used_at")
    list_filter = (
        ("revoked_at", admin.EmptyFieldListFilter),
        ("last_used_at", admin.DateFieldListFilter),
    )
    search_fields = ("name", "=prefix")
    search_help_text = text(
        en="Name, or the first 15 characters of a key", ko="이름 또는 키의 앞 15자"
    )
    ordering = ("-id",)
    fields = ("name", "scopes", "performance_ids", "expires_at")
    actions = ("revoke",)
    may_add = True

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what the site keeps of a key that is there; nobody sees its hash."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        kept = ("prefix", "created_by", "created_at", "revoked_at", "last_used_at")
        return [(None, {"fields": (*self.fields, *kept)})]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Change no key: nobody who relies on its limits would know."""
        return False

    def perform_change(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        changes: dict[str, Any],
        reason: str,
        now: datetime,
    ) -> None:
        obj.key = api_keys.make(
            key_id=obj.pk,
            name=obj.name,
            scopes=obj.scopes,
            performance_ids=[UUID(one) for one in obj.performance_ids],
            expires_at=obj.expires_at,
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key on this page and nowhere else: a message would be stored on its way."""
        page = TemplateResponse(
            request,
            "admin/api_key_made.html",
            {
                **self.admin_site.each_context(request),
                "title": text(en="The new API key", ko="새 API 키"),
                "opts": self.opts,
                "key": obj.key,
                "api_key": obj,
            },
        )
        patch_cache_control(page, private=True, no_store=True)
        return page

    @staff_action(description=text(en="Revoke", ko="폐기"), permissions=["accounts.revoke_apikey"])
    def revoke(
        self, request: HttpRequest, keys: list[ApiKey], *, reason: str, now: datetime
    ) -> str:
        """Refuse the keys everywhere within two seconds, for good."""
        count = api_keys.revoke(
            key_ids=[key.pk for key in keys], actor_id=actor_of(request), reason=reason, now=now
        )
        return str(text(en=f"{count} revoked.", ko=f"{count}개의 키를 폐기했습니다."))
