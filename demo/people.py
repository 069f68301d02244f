"""The people of the demo: fans with points, a login for each staff group, the administrator."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import Group

from accounts import locking
from accounts import operations as people
from accounts.models import User
from demo.keys import GRANT, PERSON, key
from kernel.db.transaction import transaction
from kernel.money import Money
from points import operations as points

FANS = 20
POINTS = Money(2_000_000)
_ADMIN = 2000


def load_fans(*, password: str, generation: int, now: datetime) -> list[User]:
    """Create the missing fans, give each the generation's points, and return them all.

    A fan whose key an earlier version gave to another e-mail address is renamed, and keeps what
    was bought.
    """
    emails = {key(PERSON, n): f"fan{n}@example.com" for n in range(1, FANS + 1)}
    with transaction():
        known = User.objects.in_bulk(emails.values(), field_name="email")
        missing = {pk: email for pk, email in emails.items() if email not in known}
        earlier = User.objects.in_bulk(missing)
        people.add_people(
            emails={pk: email for pk, email in missing.items() if pk not in earlier},
            password=password,
            names={pk: _name(email) for pk, email in missing.items()},
        )
        for pk, user in earlier.items():
            _rename(user, email=missing[pk], password=password)
        known = User.objects.in_bulk(emails.values(), field_name="email")
        fans = [known[email] for email in emails.values()]
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
    """Create the missing staff logins and return them all, the administrator last.

    The administrator gets the e-mail address and password given here, each time: the local stack
    makes a new password with each new data folder.
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
    _rename(admin, email=email, password=password)
    return admin


def _rename(user: User, *, email: str, password: str) -> None:
    email = User.objects.normalize_email(email)
    if user.email != email:
        (user,) = locking.lock_users(user_ids=[user.pk])
        people.move_email(user=user, email=email)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])


def _name(email: str) -> str:
    return email.partition("@")[0]
