"""The staff screens of the audit log, of logins and of rate limits."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest

from accounts.models import (
    Approval,
    AuditEntry,
    RateLimit,
    RefreshToken,
    RevokedLogin,
    Session,
    User,
)
from kernel.i18n import text
from kernel.staff.admin import AuditedAdmin, ReadOnlyAdmin

_EMAIL_OF_ACTOR = Subquery(User.objects.filter(pk=OuterRef("actor_id")).values("email")[:1])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, to what, why and in which request."""

    list_display = ("created_at", "action", "target_type", "target_id", "actor", "reason")
    list_filter = (("created_at", admin.DateFieldListFilter),)
    search_fields = ("=target_id", "=actor_id", "=request_id", "^action")
    search_help_text = text(
        en="Id of a target, actor or request, or the start of an action",
        ko="대상·작업자·요청 ID 또는 작업 이름의 앞부분",
    )
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(actor_email=_EMAIL_OF_ACTOR)

    @admin.display(description=text(en="actor", ko="작업자"))
    def actor(self, entry: AuditEntry) -> str:
        """Return the actor's e-mail address, from one join for the whole list."""
        return getattr(entry, "actor_email", None) or str(entry.actor_id or "-")


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """What waits for a second person, and who decided what (Note [Second person])."""

    list_display = ("requested_at", "kind", "subject_id", "reason", "status", "expires_at")
    list_filter = ("status", "kind")
    search_fields = ("=id", "=subject_id", "=reference", "=requested_by", "=decided_by")
    ordering = ("-id",)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Logins; locking the person out ends them. Key and contents are not shown."""

    list_display = ("user_id", "purpose", "started_at", "expire_date")
    list_filter = ("purpose", ("expire_date", admin.DateFieldListFilter))
    search_fields = ("=user_id",)
    search_help_text = text(en="Id of a user", ko="사용자 ID")
    ordering = ("-expire_date",)
    fields = ("user_id", "purpose", "started_at", "expire_date")


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnlyAdmin):
    """Refresh tokens of logins; the ids shown are no tokens."""

    list_display = ("jti", "sid", "issued_at", "expires_at", "used_at")
    list_filter = (
        ("issued_at", admin.DateFieldListFilter),
        ("used_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("=jti", "=sid")
    search_help_text = text(en="Id of a token or session", ko="토큰 또는 세션 ID")
    ordering = ("-expires_at",)


@admin.register(RevokedLogin)
class RevokedLoginAdmin(ReadOnlyAdmin):
    """Logins that have ended while access tokens of theirs may still run."""

    list_display = ("sid", "recorded_at", "until")
    list_filter = (("recorded_at", admin.DateFieldListFilter),)
    search_fields = ("=sid",)
    search_help_text = text(en="Id of a session or user", ko="세션 또는 사용자 ID")
    ordering = ("-recorded_at",)


@admin.register(RateLimit)
class RateLimitAdmin(AuditedAdmin):
    """Limits that differ from the settings; in force within two seconds. Delete to undo."""

    list_display = ("route", "amount", "period_seconds")
    list_filter = ("route",)
    search_fields = ("route",)
    ordering = ("route",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting many at once: each deletion is a decision of its own."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
