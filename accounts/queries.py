"""Reads, always from the primary: logins are decided on them."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models.functions import Now

from accounts.models import RevokedLogin, Session, User


def groups_of(user: User) -> tuple[str, ...]:
    """Return the names of the user's groups, sorted."""
    return tuple(user.groups.values_list("name", flat=True).order_by("name"))


def members_of(groups: Iterable[Group]) -> list[UUID]:
    """Return the ids of everybody in any of the groups."""
    return list(
        User.objects.filter(groups__in=list(groups)).values_list("pk", flat=True).distinct()
    )


def session_key_of(sid: str) -> str | None:
    """Return the key of the session that tokens call `sid`; None when it has ended."""
    return Session.objects.filter(sid=sid).values_list("session_key", flat=True).first()


def revoked_now() -> list[str]:
    """Return the ids of ended logins whose access tokens may still run."""
    return list(RevokedLogin.objects.filter(until__gt=Now()).values_list("sid", flat=True))
