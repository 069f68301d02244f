"""The reads of people and logins, always from the primary: logins depend on them."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db.models import Q
from django.db.models.functions import Now

from accounts import email_addresses
from accounts.errors import AccountClosed
from accounts.models import ApiKey, AuditEntry, RevokedLogin, Session, User


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


@dataclass(frozen=True, slots=True)
class Login:
    """A login of a person, at a page or in an app; it ends at `ends_at` unless it is used."""

    session_id: str
    is_page: bool
    started_at: datetime
    ends_at: datetime


def logins_of(user_id: UUID, *, now: datetime) -> list[Login]:
    """Return a person's open logins, those of the staff pages aside, the latest first."""
    rows = Session.objects.filter(user_id=user_id, expire_date__gt=now)
    return [
        Login(row.sid, row.purpose == Session.Purpose.FAN, row.started_at, row.expire_date)
        for row in rows.exclude(purpose=Session.Purpose.STAFF).order_by("-started_at", "sid")
    ]


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
class PersonalSettings:
    """What a person sets: name, `ko` or `en` for letters, telephone, and whether time is short."""

    display_name: str
    language: str
    phone: str
    extra_time: bool


def settings_of(user: User) -> PersonalSettings:
    """Return the settings in a person's row."""
    return PersonalSettings(user.display_name, user.language, user.phone, user.extra_time)


def own_settings(user_id: UUID) -> PersonalSettings:
    """Return the settings of an account that is open. Raises `AccountClosed`."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise AccountClosed
    return settings_of(user)


def person_named(name: str) -> UUID | None:
    """Return whose an e-mail address in whatever spelling is, or a person by id."""
    owner = owner_of(email_addresses.normalize_or_keep(name))
    if owner is not None:
        person: UUID = owner.pk
        return person
    with suppress(ValueError):
        return User.objects.filter(pk=UUID(name)).values_list("pk", flat=True).first()
    return None


def people_with_phone(phone: str, *, limit: int) -> list[UUID]:
    """Return who has set a telephone number in its one spelling; several may share one."""
    rows = User.objects.filter(phone=phone, closed_at__isnull=True).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:limit])


def person(user_id: UUID) -> User | None:
    """Return a person's row, locked out or closed too."""
    return User.objects.filter(pk=user_id).first()


def people(user_ids: Iterable[UUID]) -> dict[UUID, User]:
    """Return people's rows by their ids, locked out or closed too."""
    return User.objects.in_bulk(list(user_ids))


def api_key_names(key_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of API keys by their ids, revoked ones too."""
    return dict(ApiKey.objects.filter(pk__in=list(key_ids)).values_list("pk", "name"))


def deeds_about(targets: Iterable[str], *, limit: int) -> list[AuditEntry]:
    """Return what staff did to any of the targets (`<type>:<key>`), the latest first."""
    wanted = Q()
    for target in targets:
        target_type, _, target_id = target.partition(":")
        wanted |= Q(target_type=target_type, target_id=target_id)
    return list(AuditEntry.objects.filter(wanted).order_by("-pk")[:limit]) if wanted else []


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


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey as its owner knows it; `last_used_at` is None until it was used."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


def passkeys_of(user_id: UUID) -> list[OwnPasskey]:
    """Return a person's passkeys, the oldest first."""
    rows = Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.WEBAUTHN)
    return [
        OwnPasskey(row.pk, row.data["name"], row.created_at, row.last_used_at)
        for row in rows.order_by("pk")
    ]


@dataclass(frozen=True, slots=True)
class ConnectedProvider:
    """An account at the sign-in provider that opens a person's; `email` may be ""."""

    email: str


def provider_of(user_id: UUID, *, provider: str) -> ConnectedProvider | None:
    """Return what is connected to a person of a provider, named by its id; None for nothing."""
    row = SocialAccount.objects.filter(user_id=user_id, provider=provider).first()
    return None if row is None else ConnectedProvider(str(row.extra_data.get("email", "")))


def has_second_factor(user_id: UUID) -> bool:
    """Return whether the person's logins need a code beside the password."""
    factors = Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.TOTP)
    return bool(factors.exists())
