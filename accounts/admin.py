"""Staff screens: people, and the record of what staff did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse

from accounts import operations, queries
from accounts.models import AuditEntry, RateLimit, RefreshToken, RevokedLogin, Session, User
from accounts.usecases import people
from kernel import audit, clock
from kernel.admin import AuditedAdmin, ReadOnlyAdmin, staff_action
from kernel.db.transaction import transaction
from kernel.i18n import text

_EMAIL_OF_ACTOR = Subquery(User.objects.filter(pk=OuterRef("actor_id")).values("email")[:1])
_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class StaffLoginForm(AdminAuthenticationForm):
    """The door of these pages: a failed try counts like one at the API (`login_failed`)."""

    def clean(self) -> dict[str, Any]:
        """Let allauth judge, which counts; Django's own form would let anybody guess on."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            self.user_cache = get_adapter(self.request).authenticate(
                self.request, email=email, password=password
            )
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class UserCreationForm(AdminUserCreationForm):
    """A new person: e-mail address and password."""

    class Meta:
        model = User
        fields = ("email", "display_name")

    def clean_email(self) -> str:
        """Keep one spelling of an address."""
        return User.objects.normalize_email(self.cleaned_data["email"])


class PersonForm(UserChangeForm):
    """A person's row; the password has its own form behind the link."""

    def clean_email(self) -> str:
        """Keep one spelling of an address."""
        return User.objects.normalize_email(self.cleaned_data["email"])


def _actor(request: HttpRequest) -> UUID:
    assert isinstance(request.user, User), "the admin's pages are for logged-in staff"
    return request.user.pk


@admin.register(User)
class PersonAdmin(AuditedAdmin, UserAdmin):
    """Find people by e-mail, set passwords and groups, lock out and let in.

    Only superusers may touch staff or hand out rights: whoever may hand them out has all.
    """

    form = PersonForm
    add_form = UserCreationForm
    list_display = ("email", "display_name", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "display_name")
    ordering = ("-id",)
    readonly_fields = ("id", "is_active", "date_joined", "last_login")
    filter_horizontal = ("groups", "user_permissions")
    date_hierarchy = None
    fieldsets = (
        (None, {"fields": ("id", "email", "display_name", "password", "is_active")}),
        (
            text(en="Rights", ko="권한"),
            {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (text(en="Times", ko="시각"), {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "display_name", "usable_password", "password1", "password2")}),
    )
    actions = ("lock_out", "let_in")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *_RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may edit fans may not thereby become staff: a password opens every right."""
        if obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is deleted: tickets, points and payments refer to them. Lock out instead."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and set(form.changed_data) & {*_RIGHTS, "email"}:
            # The rights stand in the tokens, so the holders must log in again.
            operations.end_sessions(user_ids=[form.instance.pk])

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  (Django's name)
        form_url: str = "",
    ) -> HttpResponse:
        """Set a password; it ends the person's logins and is audited, in one transaction."""
        with transaction():
            before = self._password_of(request, id)
            response = super().user_change_password(request, id, form_url)
            after = self._password_of(request, id)
            if after is not None and after.password != getattr(before, "password", None):
                operations.end_sessions(user_ids=[after.pk])
                operations.record_audit(
                    actor_id=request.user.pk,
                    action="accounts.set_password",
                    target=audit.target_of(after),
                    reason="",
                    changes={},
                    now=clock.now(),
                )
        return response

    def _password_of(self, request: HttpRequest, user_id: str) -> User | None:
        found = self.get_object(request, user_id) if request.method == "POST" else None
        return found if isinstance(found, User) else None

    @staff_action(
        description=text(en="Lock out", ko="로그인 차단"), permissions=["accounts.lock_out_user"]
    )
    def lock_out(
        self, request: HttpRequest, users: list[User], *, reason: str, now: datetime
    ) -> str:
        """End their logins and refuse new ones."""
        count = people.lock_out(
            user_ids=[user.pk for user in users],
            actor_id=_actor(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} locked out.", ko=f"{count}명을 차단했습니다."))

    @staff_action(
        description=text(en="Let in again", ko="로그인 차단 해제"),
        permissions=["accounts.lock_out_user"],
    )
    def let_in(self, request: HttpRequest, users: list[User], *, reason: str, now: datetime) -> str:
        """Let them log in again."""
        count = people.let_in(
            user_ids=[user.pk for user in users],
            actor_id=_actor(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} let in.", ko=f"{count}명의 차단을 해제했습니다."))


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
        """Return the actor's address, one join for the whole list."""
        return getattr(entry, "actor_email", None) or str(entry.actor_id or "-")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Who is logged in; ended by locking the person out. Key and contents are not for eyes."""

    list_display = ("user_id", "purpose", "started_at", "expire_date")
    list_filter = ("purpose", ("expire_date", admin.DateFieldListFilter))
    search_fields = ("=user_id",)
    search_help_text = text(en="Id of a user", ko="사용자 ID")
    ordering = ("-expire_date",)
    fields = ("user_id", "purpose", "started_at", "expire_date")


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnlyAdmin):
    """What logins may be refreshed with; the ids are no tokens."""

    list_display = ("jti", "sid", "issued_at", "expires_at", "used_at")
    list_filter = (
        ("issued_at", admin.DateFieldListFilter),
        ("used_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("=jti", "=sid")
    search_help_text = text(en="Id of a token or session", ko="토큰 또는 세션 ID")
    ordering = ("-issued_at",)


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
    """Limits otherwise than the settings say; in force within two seconds, deleted to undo."""

    list_display = ("route", "amount", "period_seconds")
    list_filter = ("route",)
    search_fields = ("route",)
    ordering = ("route",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting many at once: each row undone is a decision of its own."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


class AuditedGroupAdmin(AuditedAdmin, GroupAdmin):
    """Groups beyond the five that migrations keep; superusers only, as groups are rights.

    Access tokens name the groups of their owner, so a name that goes ends the members' logins.
    """

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_change_permission
    has_delete_permission = has_change_permission

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "name" in form.changed_data:
            operations.end_sessions(user_ids=queries.members_of([obj]))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        members = queries.members_of([obj])
        super().delete_model(request, obj)
        operations.end_sessions(user_ids=members)


class EmailAddressAdmin(ReadOnlyAdmin):
    """The addresses that django-allauth has verified."""

    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified",)
    list_select_related = ("user",)
    search_fields = ("email",)


admin.site.unregister(Group)
admin.site.register(Group, AuditedGroupAdmin)
if admin.site.is_registered(EmailAddress):
    admin.site.unregister(EmailAddress)
admin.site.register(EmailAddress, EmailAddressAdmin)
admin.site.login_form = StaffLoginForm
admin.site.site_header = text(en="Frontrow", ko="Frontrow 관리")
admin.site.site_title = "Frontrow"
admin.site.index_title = text(en="Administration", ko="관리")
