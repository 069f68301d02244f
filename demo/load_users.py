"""Users in bulk, for load scripts and rehearsals."""

import re
from dataclasses import dataclass
from uuid import UUID

from accounts import operations
from kernel.db.transaction import transaction
from kernel.ids import uuid7

_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class PrefixInvalid(ValueError):
    """The prefix cannot start an e-mail address: a mistake on a command line, no API error."""


@dataclass(frozen=True, slots=True)
class Fan:
    """A user just created."""

    user_id: UUID
    email: str


def create(*, count: int, prefix: str) -> list[Fan]:
    """Create `count` users without a usable password; every run uses new e-mail addresses.

    Raises `PrefixInvalid`.
    """
    if not _PREFIX.fullmatch(prefix):
        raise PrefixInvalid("it must be 1 to 40 of a-z, 0-9, dot, dash and underscore")
    run = uuid7().hex[-10:]
    fans = [Fan(uuid7(), f"{prefix}-{run}-{number}@example.com") for number in range(1, count + 1)]
    with transaction():
        operations.add_people(emails={fan.user_id: fan.email for fan in fans})
    return fans
