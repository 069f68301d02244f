"""Reads, always from the primary: logins are decided on them."""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import Session, User


def groups_of(user: User) -> tuple[str, ...]:
    """Return the names of the user's groups, sorted."""
    return tuple(user.groups.values_list("name", flat=True).order_by("name"))


def session_key_of(sid: str) -> str | None:
    """Return the key of the session that tokens call `sid`; None when it has ended."""
    return Session.objects.filter(sid=sid).values_list("session_key", flat=True).first()


def sids_of_users(user_ids: Iterable[UUID]) -> list[str]:
    """Return what tokens call the users' open sessions."""
    return list(Session.objects.filter(user_id__in=user_ids).values_list("sid", flat=True))
