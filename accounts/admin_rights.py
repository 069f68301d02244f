"""The staff screens of groups and of verified e-mail addresses."""

from typing import Any

from django.contrib.auth.admin import GroupAdmin
from django.http import HttpRequest

from accounts import operations, queries
from kernel.staff.actions import actor_of
from kernel.staff.admin import AuditedAdmin, ReadOnlyAdmin
from kernel.telemetry import security_log


class AuditedGroupAdmin(AuditedAdmin, GroupAdmin):
    """Groups beyond the five that migrations keep; superusers only, as groups are rights.

    Access tokens name the groups of their owner, so removing or changing a name ends the members'
    logins.
    """

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_change_permission
    has_delete_permission = has_change_permission

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _record_change(request, obj.pk)
        if change and "name" in form.changed_data:
            operations.end_sessions(user_ids=queries.members_of([obj]))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        members, key = queries.members_of([obj]), obj.pk
        super().delete_model(request, obj)
        _record_change(request, key)
        operations.end_sessions(user_ids=members)


class EmailAddressAdmin(ReadOnlyAdmin):
    """The e-mail addresses that django-allauth has verified."""

    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified",)
    list_select_related = ("user",)
    search_fields = ("email",)


def _record_change(request: HttpRequest, group: int) -> None:
    security_log.record_after_commit("rights_changed", actor_id=actor_of(request), group=group)
