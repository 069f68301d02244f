"""The staff screens of people; those of logins and the audit log are in `admin_records`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts import admin_api_keys, admin_records, notices, operations, queries  # noqa: F401  (registers)
from accounts.admin_forms import PersonForm, StaffLoginForm, UserCreationForm
from accounts.admin_rights import AuditedGroupAdmin, EmailAddressAdmin
from accounts.models import User
from accounts.usecases import people, second_factor
from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from kernel.i18n import text
from kernel.staff import audit
from kernel.staff.actions import actor_of, staff_action
from kernel.staff.admin import AuditedAdmin
from kernel.telemetry import security_log

_NO_REASON = text(en="no reason given", ko="사유 미기재")
_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


if TYPE_CHECKING:  # generic for the type checker only
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin


@admin.register(User)
class PersonAdmin(AuditedAdmin, _UserAdmin):
    """Find people by e-mail address, set passwords and groups, lock out and unlock.

    Only superusers may change staff or grant rights: who may grant rights has all of them.
    """

    form = PersonForm
    add_form = UserCreationForm
    list_display = ("email", "display_name", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "display_name")
    ordering = ("-id",)
    readonly_fields = (
        *("id", "language", "is_active", "second_factor", "date_joined", "last_login"),
        "closed_at",
    )
    filter_horizontal = ("groups", "user_permissions")
    date_hierarchy = None
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("id", "email", "reason", "display_name", "language", "phone"),
                    *("extra_time", "password", "is_active"),
                )
            },
        ),
        (
            text(en="Rights", ko="권한"),
            {"fields": ("is_staff", "second_factor", "is_superuser", "groups", "user_permissions")},
        ),
        (text(en="Times", ko="시각"), {"fields": ("date_joined", "last_login", "closed_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "display_name", "usable_password", "password1", "password2")}),
    )
    actions = ("lock_out", "unlock", "reset_second_factor")

    @admin.display(description=text(en="second factor", ko="2단계 인증"), boolean=True)
    def second_factor(self, person: User) -> bool:
        """Return whether the person's logins need a code."""
        return queries.has_second_factor(person.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *_RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep those who edit fans from becoming staff: a password opens every right."""
        if obj is not None and obj.closed_at is not None:
            return False  # nobody's any more
        if obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Delete nobody: tickets, points and payments refer to people. Lock out instead."""
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show why a change was refused after the form had accepted it; nothing is kept."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            self.message_user(request, str(refusal.message), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Leave a new e-mail address to `operations.change_email`, which records it itself."""
        person = super().save_form(request, form, change)
        if change:
            before = form.initial["email"]
            form.new_email = person.email if person.email != before else None
            person.email = before
            form.changed_data = [
                name for name in form.changed_data if name not in {"email", "reason"}
            ]
        return person

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            User.objects.add([obj])
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            return
        if form.new_email:
            operations.change_email(
                user_id=form.instance.pk,
                email=form.new_email,
                actor_id=actor_of(request),
                reason=form.cleaned_data["reason"] or str(_NO_REASON),
                now=clock.now(),
            )
        if set(form.changed_data) & set(_RIGHTS):
            # The rights stand in the tokens, so the holders must log in again.
            operations.end_sessions(user_ids=[form.instance.pk])
            security_log.record_after_commit(
                "rights_changed", user_id=form.instance.pk, actor_id=actor_of(request)
            )

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
                now = clock.now()
                operations.end_sessions(user_ids=[after.pk])
                operations.record_audit(
                    actor_id=actor_of(request),
                    action="accounts.set_password",
                    target=audit.target_of(after),
                    reason="",
                    changes={},
                    now=now,
                )
                self._notify_of_new_password(after, actor_of(request), now=now)
        return response

    def _notify_of_new_password(self, person: User, actor_id: UUID, *, now: datetime) -> None:
        security_log.record_after_commit(
            "password_set_by_staff", user_id=person.pk, actor_id=actor_id
        )
        if person.email:
            notices.send("account/email/password_set_by_staff", person.email, {"timestamp": now})

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
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} locked out.", ko=f"{count}명을 차단했습니다."))

    @staff_action(
        description=text(en="Unlock", ko="로그인 차단 해제"),
        permissions=["accounts.lock_out_user"],
    )
    def unlock(self, request: HttpRequest, users: list[User], *, reason: str, now: datetime) -> str:
        """Unlock them, so that they may log in again."""
        count = people.unlock(
            user_ids=[user.pk for user in users],
            actor_id=actor_of(request),
            reason=reason,
            now=now,
        )
        return str(text(en=f"{count} unlocked.", ko=f"{count}명의 차단을 해제했습니다."))

    @staff_action(
        description=text(en="Reset second factor", ko="2단계 인증 해제"),
        permissions=["accounts.reset_second_factor"],
    )
    def reset_second_factor(
        self, request: HttpRequest, users: list[User], *, reason: str, now: datetime
    ) -> str:
        """Remove the second factor of people who have lost their device; superusers only."""
        count = sum(
            second_factor.reset(user_id=user.pk, actor_id=actor_of(request), reason=reason, now=now)
            for user in users
        )
        return str(text(en=f"{count} reset.", ko=f"{count}명의 2단계 인증을 해제했습니다."))


admin.site.unregister(Group)
admin.site.register(Group, AuditedGroupAdmin)
if admin.site.is_registered(EmailAddress):
    admin.site.unregister(EmailAddress)
admin.site.register(EmailAddress, EmailAddressAdmin)
if admin.site.is_registered(Authenticator):  # its form shows secrets; the person's says enough
    admin.site.unregister(Authenticator)
for _rows in (
    SocialApp,
    SocialAccount,
    SocialToken,
):  # no row makes a provider; the rest is its owner's
    if admin.site.is_registered(_rows):
        admin.site.unregister(_rows)
admin.site.login_template = "admin/staff_login.html"
admin.site.login_form = StaffLoginForm
admin.site.site_header = text(en="Frontrow", ko="Frontrow 관리")
admin.site.site_title = "Frontrow"
admin.site.index_title = text(en="Administration", ko="관리")
