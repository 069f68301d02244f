"""The staff groups and their permissions, as the setting `STAFF_GROUPS` has them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import DEFAULT_DB_ALIAS


def grant(*, app_label: str) -> None:
    """Grant each group exactly the permissions of one app that the setting names; repeatable."""
    offered = {
        permission.codename: permission
        for permission in Permission.objects.filter(content_type__app_label=app_label)
    }
    for name, patterns in settings.STAFF_GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        wanted = {
            permission.pk
            for codename, permission in offered.items()
            if _matches(f"{app_label}.{codename}", patterns)
        }
        given = set(
            group.permissions.filter(content_type__app_label=app_label).values_list("pk", flat=True)
        )
        group.permissions.remove(*(given - wanted))
        group.permissions.add(*(wanted - given))


def grant_after_migrate(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Receive `post_migrate`: Django has just made the app's permissions."""
    if using == DEFAULT_DB_ALIAS:
        grant(app_label=sender.label)


def _matches(permission: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in patterns)
