"""The manager of people: each is created together with an e-mail address."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import BaseUserManager
from django.db import connections, transaction

from accounts import email_addresses

if TYPE_CHECKING:
    from accounts.models import User

# Ten thousand fans in one statement; as objects they would double the time of `manage.py fans`.
_ADD_ADDRESSES = """
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT person, address, %s, %s FROM unnest(%s::uuid[], %s::varchar[]) AS given (person, address)
"""


class UserManager(BaseUserManager["User"]):
    """Create users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person who owns an e-mail address; without a password nobody can log in.

        Raises `EmailAddressInvalid`.
        """
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        self.add([user])
        return user

    def add(self, users: Sequence["User"], *, verified: bool = True) -> None:
        """Insert people together with their e-mail addresses: the only way to create a person.

        The addresses must be normalised. Those not `verified` are claims: see Note [Whose address].
        """
        rows: list[Any] = [verified, verified]
        rows += [[user.pk for user in users], [user.email for user in users]]
        if not verified:
            for user in users:
                user.email = None
        with transaction.atomic(using=self._db):
            self.bulk_create(users, batch_size=2000)
            with connections[self.db].cursor() as cursor:
                cursor.execute(_ADD_ADDRESSES, rows)

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the one spelling of an address; raises `EmailAddressInvalid`."""
        return email_addresses.normalize(email or "")

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of an e-mail address in whatever spelling (Django's commands)."""
        return self.get(email=email_addresses.normalize_or_keep(username or ""))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of staff who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
