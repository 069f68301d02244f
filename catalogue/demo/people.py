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
_FIRST_STAFF, _ADMIN = 1000, 2000


def load_fans(*, password: str, generation: int, now: datetime) -> list[User]:
    """Make the fans that are missing and give each the generation's points; return them all."""
    with transaction():
        hashed = ""
        missing = _missing([f"fan{n}@example.com" for n in range(1, FANS + 1)])
        if missing:
            hashed = make_password(password)  # slow by design, so once for all of them
        User.objects.bulk_create(
            User(
                id=key(PERSON, int(email.removeprefix("fan").partition("@")[0])),
                email=email,
                display_name=email.partition("@")[0],
                password=hashed,
            )
            for email in missing
        )
        emails = [f"fan{n}@example.com" for n in range(1, FANS + 1)]
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

    The administrator's password follows the one asked for: the local stack makes a new one with
    each new data folder.
    """
    with transaction():
        made = []
        for number, name in enumerate(groups):
            email = f"{name}@example.com"
            user = User.objects.filter(email__iexact=email).first()
            if user is None:
                user = User.objects.create_user(
                    email,
                    password,
                    id=key(PERSON, _FIRST_STAFF + number),
                    display_name=name,
                    is_staff=True,
                )
                user.groups.add(Group.objects.get(name=name))
            made.append(user)
        admin = User.objects.filter(email__iexact=admin_email).first()
        if admin is None:
            admin = User.objects.create_superuser(
                admin_email, admin_password, id=key(PERSON, _ADMIN), display_name="admin"
            )
        elif not admin.check_password(admin_password):
            admin.set_password(admin_password)
            admin.save(update_fields=["password"])
    return [*made, admin]


def _missing(emails: Sequence[str]) -> list[str]:
    known = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    return [email for email in emails if email not in known]
