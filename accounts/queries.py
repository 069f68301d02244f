"""The reads of people and logins, always from the primary: logins depend on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
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


def owner_of(email: str) -> User | None:
    """Return the owner of a normalised e-mail address, locked out or not; None where none is.

    See Note [Whose address] in `models.py`.
    """
    row = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
    return row.user if row is not None else None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where and how to write to a person; `language` is `ko` or `en`."""

    email: str
    language: str
    display_name: str


def mailbox_of(user_id: UUID) -> Mailbox | None:
    """Return a person's verified, primary e-mail address; None for who has none."""
    row = (
        EmailAddress.objects.filter(user_id=user_id, verified=True, primary=True)
        .values_list("email", "user__language", "user__display_name")
        .first()
    )
    return Mailbox(*row) if row is not None else None


def owns(user_id: UUID, email: str) -> bool:
    """Return whether a normalised e-mail address is this person's."""
    return bool(EmailAddress.objects.filter(user_id=user_id, email=email, verified=True).exists())


def is_email_taken(email: str, *, by_other_than: UUID | None = None) -> bool:
    """Return whether a normalised e-mail address is somebody's (else's)."""
    rows = EmailAddress.objects.filter(email=email, verified=True)
    return bool(rows.exclude(user_id=by_other_than).exists())


def has_second_factor(user_id: UUID) -> bool:
    """Return whether the person's logins need a code beside the password."""
    factors = Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.TOTP)
    return bool(factors.exists())
