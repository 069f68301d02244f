"""Finding a fan, and what a role sees of one.

Note [Looks]
Staff say why they look, and each time a fan's page is shown stands in the audit log with that
reason. The reason is kept in the session for the fans that were found by it; without one the page
leads to the search. Address and telephone number are masked for roles that write to nobody.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import phones
from accounts import queries as accounts
from accounts.models import User
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments import refund_queries
from points import queries as points
from reservations.operations import ReservationNotFound
from tickets import codes
from tickets import queries as tickets

FOUND = 10


class FanNotFound(DomainError):
    """Nobody has this address, number, reservation or ticket."""

    code = "fan_not_found"
    kind = Kind.NOT_FOUND
    message = text(
        en="Nobody has this address, number, reservation or ticket.",
        ko="일치하는 회원을 찾을 수 없습니다.",
    )


@dataclass(frozen=True, slots=True)
class FanFacts:
    """A fan as a role sees one: `email` and `phone` whole or masked."""

    id: UUID
    name: str
    email: str
    phone: str
    is_active: bool
    is_closed: bool
    is_staff: bool
    joined_at: datetime
    balance: Money


def find(what: str) -> list[UUID]:
    """Return who has an e-mail address, telephone number, reservation, ticket code or id.

    Raises FanNotFound.
    """
    what = what.strip()
    person = accounts.person_named(what)
    if person is not None:
        return [person]
    found = [*_by_reservation(what), *_by_ticket(what)]
    if not found:
        found = _by_phone(what)
    if not found:
        raise FanNotFound
    return found


def facts(user_id: UUID, *, whole: bool) -> FanFacts:
    """Return a fan's facts, with the contacts masked unless `whole`. Raises FanNotFound."""
    user = accounts.person(user_id)
    if user is None:
        raise FanNotFound
    email, phone = user.email or "", user.phone
    return FanFacts(
        id=user.pk,
        name=user.display_name,
        email=email if whole else masked_email(email),
        phone=phone if whole else masked_phone(phone),
        is_active=user.is_active,
        is_closed=user.closed_at is not None,
        is_staff=user.is_staff,
        joined_at=user.date_joined,
        balance=points.balance(user_id=user_id),
    )


def name_of(user: User | None, *, whole: bool) -> str:
    """Return how a person is called: by name, else by the e-mail address, masked unless `whole`."""
    if user is None:
        return ""
    email = user.email or ""
    return user.display_name or (email if whole else masked_email(email))


def masked_email(email: str) -> str:
    """Return an address of which the first letter and the domain are left."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}***{at}{domain}" if at else ""


def masked_phone(phone: str) -> str:
    """Return a number of which the last four digits are left."""
    return f"***-{phone[-4:]}" if len(phone) > 4 else ""


def _by_reservation(what: str) -> list[UUID]:
    try:
        return [refund_queries.buyer_of(reservation_id=UUID(what))]
    except (ValueError, ReservationNotFound):
        return []


def _by_ticket(what: str) -> list[UUID]:
    code = codes.code_in(what)
    owner = None if code is None else tickets.owner_of_code(code)
    return [] if owner is None else [owner]


def _by_phone(what: str) -> list[UUID]:
    try:
        phone = phones.normalize(what)
    except ValueError:
        return []
    return accounts.people_with_phone(phone, limit=FOUND) if phone else []
