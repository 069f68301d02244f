"""Fans with points, a login per staff group, and the administrator."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from accounts.models import User
from catalogue.demo.keys import GRANT, PERSON, key
from kernel.db.transaction import transaction
from kernel.money import Money
from points import operations as points

FANS = 20
POINTS = Money(2_000_000)
_ADMIN = 2000


def load_fans(*, password: str, generation: int, now: datetime) -> list[User]:
    """Make the fans that are missing and give each the generation's points; return them all.

    A key that an earlier version gave to another address keeps what it has bought and is renamed.
    """
    emails = {f"fan{n}@example.com": key(PERSON, n) for n in range(1, FANS + 1)}
    with transaction():
        known = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
        missing = {email: pk for email, pk in emails.items() if email not in known}
        if missing:
            hashed = make_password(password)  # slow by design, so once for all of them
            User.objects.bulk_create(
                [
                    User(id=pk, email=email, display_name=_name(email), password=hashed)
                    for email, pk in missing.items()
                ],
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["email", "display_name", "password"],
            )
        by_email = {user.email: user for user in User.objects.filter(email__in=emails)}
        fans = [by_email[email] for email in emails]
        points.open_accounts_with_points(
            user_ids=[fan.pk for fan in fans],
            amount=POINTS,
            reference=key(GRANT, 1, generation=generation),
            now=now,
        )
    return fans


def load_staff(
    *, groups: Sequence[str], password: str, admin_email: str, admin_password: str
) -> list[User]:
    """Make the staff logins that are missing; return them, the administrator last.

    The administrator's address and password follow those asked for: the local stack makes a new
    password with each new data folder.
    """
    with transaction():
        made = []
        for name in groups:
            email = f"{name}@example.com"
            user = User.objects.filter(email__iexact=email).first()
            if user is None:
                user = User.objects.create_user(email, password, display_name=name, is_staff=True)
                user.groups.add(Group.objects.get(name=name))
            made.append(user)
        made.append(_administrator(email=admin_email, password=admin_password))
    return made


def _administrator(*, email: str, password: str) -> User:
    admin = (
        User.objects.filter(email__iexact=email).first()
        or User.objects.filter(pk=key(PERSON, _ADMIN)).first()
    )
    if admin is None:
        return User.objects.create_superuser(
            email, password, id=key(PERSON, _ADMIN), display_name="admin"
        )
    changed = []
    if admin.email.lower() != email.lower():
        admin.email = User.objects.normalize_email(email)
        changed.append("email")
    if not admin.check_password(password):
        admin.set_password(password)
        changed.append("password")
    if changed:
        admin.save(update_fields=changed)
    return admin


def _name(email: str) -> str:
    return email.partition("@")[0]
