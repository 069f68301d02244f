"""Writes that require an open transaction."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from kernel.db.transaction import require_transaction
from queueing import locking, policy
from queueing.errors import InvitationInvalid, InvitationUsedUp
from queueing.models import Invitation, InvitationUse, QueueProgress


@dataclass(frozen=True, slots=True)
class Draw:
    """Numbers `start` + 1 .. `start` + DRAW_NUMBERS are drawn by `seed`; `ceiling` may be given."""

    seed: str = ""
    start: int = 0
    ceiling: int = 0


@dataclass(frozen=True, slots=True)
class Reserved:
    """What PostgreSQL has reserved: ordinary numbers up to `ceiling`, and the draw's."""

    ceiling: int
    draw: Draw


@dataclass(frozen=True, slots=True)
class Epoch:
    """A fresh block of numbers: `start` + 1 .. `ceiling`, and where serving stood."""

    number: int
    start: int
    ceiling: int
    serving: int
    draw: Draw


def open_epoch(*, performance_id: UUID) -> Epoch:
    """Reserve a new epoch and its first block of numbers; a block unused is only a gap."""
    require_transaction()
    progress = locking.lock_progress(performance_id)
    start = progress.number_ceiling
    progress.epoch += 1
    progress.number_ceiling += policy.NUMBER_BLOCK
    progress.save(update_fields=["epoch", "number_ceiling"])
    return Epoch(
        progress.epoch, start, progress.number_ceiling, progress.serving, _draw_of(progress)
    )


def raise_ceiling(*, performance_id: UUID, above: int) -> Reserved:
    """Reserve numbers so that the ceiling lies a block above `above`."""
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if progress.number_ceiling <= above:
        progress.number_ceiling = above + policy.NUMBER_BLOCK
        progress.save(update_fields=["number_ceiling"])
    return Reserved(progress.number_ceiling, _draw_of(progress))


def raise_draw(*, performance_id: UUID, above: int) -> Reserved:
    """Reserve a block of the draw above `above`; the first time, make the draw itself.

    Its numbers are one block of ordinary numbers, so whoever comes later stands behind it.
    """
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if not progress.draw_seed:
        progress.draw_seed = secrets.token_hex(16)
        progress.draw_start = progress.number_ceiling
        progress.number_ceiling += policy.DRAW_NUMBERS
    if progress.draw_ceiling <= above:
        progress.draw_ceiling = above + policy.NUMBER_BLOCK
    progress.save(update_fields=["draw_seed", "draw_start", "draw_ceiling", "number_ceiling"])
    return Reserved(progress.number_ceiling, _draw_of(progress))


def redeem_invitation(
    *, invitation_id: UUID, performance_id: UUID, user_id: UUID, now: datetime
) -> None:
    """Count one use of an invitation; a second one by the same user counts as the first.

    Only a use that is going to count locks the row.
    Raises InvitationInvalid, InvitationUsedUp.
    """
    require_transaction()
    seen = Invitation.objects.filter(pk=invitation_id).first()
    if _is_used_by(user_id, _good(seen, performance_id, now)):
        return
    invitation = _good(locking.lock_invitation(invitation_id), performance_id, now)
    if _is_used_by(user_id, invitation):
        return
    InvitationUse.objects.create(invitation=invitation, user_id=user_id, used_at=now)
    invitation.uses = F("uses") + 1
    invitation.save(update_fields=["uses"])


def _good(invitation: Invitation | None, performance_id: UUID, now: datetime) -> Invitation:
    if (
        invitation is None
        or invitation.performance_id != performance_id
        or not invitation.is_good(now)
    ):
        raise InvitationInvalid
    return invitation


def _is_used_by(user_id: UUID, invitation: Invitation) -> bool:
    """Say whether this person has used it; raises InvitationUsedUp where others have, wholly."""
    if InvitationUse.objects.filter(invitation=invitation, user_id=user_id).exists():
        return True
    if invitation.uses >= invitation.uses_allowed:
        raise InvitationUsedUp
    return False


def _draw_of(progress: QueueProgress) -> Draw:
    return Draw(progress.draw_seed, progress.draw_start, progress.draw_ceiling)
