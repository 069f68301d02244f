"""Who is asking: a frozen value made from verified credentials, without a query."""

from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person or machine; `request.user` of the API.

    `groups` are staff groups (staff, operator, finance, door, integrator); `scopes` belong to
    machine keys. `session_id` is the revocable login session of a person.
    """

    user_id: UUID
    session_id: str = ""
    is_staff: bool = False
    groups: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def pk(self) -> UUID:
        """The user's key, under the name DRF's throttles and pagination expect."""
        return self.user_id

    @property
    def is_authenticated(self) -> bool:
        """Always true: nobody is None, not a Caller."""
        return True


def caller_of(request: Request) -> Caller:
    """Return who sent a request of the API that a permission has let through."""
    return cast("Caller", request.user)
