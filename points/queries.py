"""The reads of the ledger, from the primary: a fan sees his own points at once."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import Abs

from kernel.ids import first_uuid7_at
from kernel.money import Money
from points.models import Account, Entry, Transfer
from points.policy import TransferKind


def balance(*, user_id: UUID) -> Money:
    """Return a fan's points; zero where nothing has been charged yet."""
    stored = Account.objects.filter(pk=user_id).values_list("balance", flat=True).first()
    return Money(stored or 0)


def system_balance(*, account_id: UUID) -> Money:
    """Return the sum of a system account's entries."""
    total = Entry.objects.filter(account_id=account_id).aggregate(total=Sum("amount"))["total"]
    return Money(total or 0)


def entries(*, user_id: UUID) -> "QuerySet[Entry]":
    """Return a fan's ledger, to be paginated by id."""
    return Entry.objects.filter(account_id=user_id).select_related("transfer")


def references(*, kind: TransferKind, among: Iterable[UUID]) -> set[UUID]:
    """Return those of `among` for which points of this kind have moved."""
    moved = Transfer.objects.filter(kind=kind, reference__in=list(among))
    return set(moved.values_list("reference", flat=True))


def balance_after(*, kind: TransferKind, reference: UUID, user_id: UUID) -> Money:
    """Return a fan's points as one transfer left them."""
    entry = Entry.objects.get(
        transfer__kind=kind, transfer__reference=reference, account_id=user_id
    )
    assert entry.balance_after is not None
    return Money(entry.balance_after)


def adjusted_since(*, user_id: UUID, since: datetime) -> int:
    """Return how many points staff have given and taken of a fan since a moment, both counted."""
    moved = Entry.objects.filter(
        account_id=user_id,
        pk__gte=first_uuid7_at(since),  # along the index by account
        transfer__kind=TransferKind.ADJUSTMENT,
    )
    return int(moved.aggregate(sum=Sum(Abs("amount")))["sum"] or 0)
