"""The use cases of one's own account: change its settings, delete it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import own_account
from accounts.queries import PersonalSettings
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from payments import queries as payments
from reservations import queries as reservations
from tickets import queries as tickets
from webhooks import operations as webhooks


class AccountInUse(DomainError):
    """Something is open: `holds`, `payments` and `tickets` have the ids."""

    code = "account_in_use"
    kind = Kind.CONFLICT
    message = text(
        en="You still hold seats, a payment is open, or a ticket is for a coming performance.",
        ko="선점한 좌석, 진행 중인 결제 또는 예정된 공연의 티켓이 있습니다.",
    )
    kept_for_replay = False


def change(*, user_id: UUID, changes: Mapping[str, Any]) -> PersonalSettings:
    """Change settings of the person; what is left out stays. Raises `AccountClosed`."""
    with transaction():
        return own_account.change_settings(user_id=user_id, changes=changes)


def delete(*, user_id: UUID, session_id: str, now: datetime) -> None:
    """Delete the person's account: what sale records need stays, without the person.

    Note [Closed accounts] in reservations/locking.py says why no hold slips through. Raises
    `ReauthenticationRequired`, `AccountClosed`, `StaffAccount`, `AccountInUse`.
    """
    if not own_account.is_recent(user_id=user_id, session_id=session_id, now=now):
        raise own_account.ReauthenticationRequired
    with transaction():
        user = own_account.lock_to_close(user_id=user_id)
        check_unused(user_id=user_id, now=now)
        own_account.close(user=user, now=now)
        webhooks.remove_endpoints_of(user_id=user_id, now=now)


def check_unused(*, user_id: UUID, now: datetime) -> None:
    """Raise `AccountInUse` while a hold, payment or ticket of the person is open."""
    holds = reservations.live_holds_of(user_id=user_id, now=now)
    unsettled = payments.unsettled_of(user_id=user_id)
    coming = tickets.coming_of(user_id=user_id, now=now)
    if holds or unsettled or coming:
        raise AccountInUse(holds=holds, payments=unsettled, tickets=coming)
