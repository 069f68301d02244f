"""Writes of progress, epochs, draws and invitations; they require an open transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest

from kernel.db.transaction import require_transaction
from queueing import draw_rows, locking, policy
from queueing.errors import InvitationInvalid, InvitationUsedUp
from queueing.models import Invitation, InvitationUse, QueueProgress


@dataclass(frozen=True, slots=True)
class Draw:
    """Numbers `start` + 1 .. `start` + DRAW_NUMBERS are drawn by `seed`; `ceiling` may be given.

    `seed` is the functions' name of what keys the draw; empty before its first number.
    """

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
    called: int
    draw: Draw


def open_epoch(*, performance_id: UUID, gap_id: str = "") -> Epoch:
    """Reserve a new epoch and its first block of numbers; a block unused is only a gap.

    From here on the epoch before is over (Note [One server a room]). All who end the same
    gap of the server get the same epoch: none is left over that would end the one begun.
    """
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if not gap_id or progress.epoch_gap != gap_id:
        progress.epoch += 1
        progress.epoch_gap = gap_id
        progress.epoch_start = progress.number_ceiling
        progress.number_ceiling += policy.NUMBER_BLOCK
        progress.save(update_fields=["epoch", "epoch_gap", "epoch_start", "number_ceiling"])
    return Epoch(
        number=progress.epoch,
        start=progress.epoch_start,
        ceiling=min(progress.epoch_start + policy.NUMBER_BLOCK, progress.number_ceiling),
        serving=progress.serving,
        called=progress.called,
        draw=_draw_of(progress),
    )


def record_epoch_begun(*, performance_id: UUID, epoch: int, now: datetime) -> None:
    """Record that a server has begun the epoch; the tick looks after the room next."""
    require_transaction()
    QueueProgress.objects.filter(performance_id=performance_id, epoch=epoch).update(
        advanced_at=now, advance_due_at=policy.DUE_AT_ONCE
    )


def raise_ceiling(*, performance_id: UUID, epoch: int, above: int) -> Reserved | None:
    """Reserve numbers so that the ceiling lies a block above `above`; None if `epoch` is over."""
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if progress.epoch != epoch:
        return None
    if progress.number_ceiling <= above:
        progress.number_ceiling = above + policy.NUMBER_BLOCK
        progress.save(update_fields=["number_ceiling"])
    return Reserved(progress.number_ceiling, _draw_of(progress))


def raise_draw(*, performance_id: UUID, epoch: int, above: int, now: datetime) -> Reserved | None:
    """Reserve a block of the draw above `above`; the first time, begin the draw.

    Its numbers are one block of ordinary numbers, so fans who come later stand behind it. None if
    `epoch` is over.
    """
    require_transaction()
    progress = locking.lock_progress(performance_id)
    if progress.epoch != epoch:
        return None
    if not progress.draw_seed:
        progress.draw_seed = draw_rows.key_to_draw_by(performance_id, now=now)
        progress.draw_start = progress.number_ceiling
        progress.number_ceiling += policy.DRAW_NUMBERS
        progress.advance_due_at = policy.DUE_AT_ONCE  # the public sees how many are in it
    if progress.draw_ceiling <= above:
        progress.draw_ceiling = above + policy.NUMBER_BLOCK
    progress.save(
        update_fields=[
            "draw_seed",
            "draw_start",
            "draw_ceiling",
            "number_ceiling",
            "advance_due_at",
        ]
    )
    return Reserved(progress.number_ceiling, _draw_of(progress))


def keep_progress(
    *,
    performance_id: UUID,
    epoch: int,
    serving: int,
    crowd: int,
    drawn: int,
    grace: timedelta,
    due_at: datetime,
    now: datetime,
) -> bool:
    """Keep how far a room is; false where `epoch` is over, and nothing was written.

    `serving` and `called` never go back, whichever of two ticks is late.
    """
    require_transaction()
    has_had_grace = Q(calling_at__isnull=True) | Q(calling_at__lte=now - grace)
    furthest = Greatest("serving", Value(serving))
    kept = QueueProgress.objects.filter(performance_id=performance_id, epoch=epoch).update(
        serving=furthest,
        called=Case(When(has_had_grace, then=Greatest("called", "calling")), default=F("called")),
        calling=Case(When(has_had_grace, then=furthest), default=F("calling")),
        calling_at=Case(When(has_had_grace, then=Value(now)), default=F("calling_at")),
        crowd=crowd,
        drawn=Greatest("drawn", Value(drawn)),
        advanced_at=now,
        advance_due_at=due_at,
    )
    return bool(kept)


def keep_drawn(*, performance_id: UUID, drawn: int) -> None:
    """Keep how many turns of a draw were taken; never fewer than were known."""
    require_transaction()
    QueueProgress.objects.filter(performance_id=performance_id).update(
        drawn=Greatest("drawn", Value(drawn))
    )


def make_due(*, performance_id: UUID) -> None:
    """Have the next tick look after a room."""
    require_transaction()
    QueueProgress.objects.filter(performance_id=performance_id).update(
        advance_due_at=policy.DUE_AT_ONCE
    )


def start_progress(*, performance_ids: Sequence[UUID], now: datetime) -> None:
    """Make the rows of rooms nobody has joined yet: their turns come, and their draws are fixed."""
    require_transaction()
    draw_rows.commit(performance_ids=performance_ids, now=now)
    QueueProgress.objects.bulk_create(
        [QueueProgress(performance_id=key) for key in performance_ids], ignore_conflicts=True
    )


def schedule_ticks(*, performance_ids: Sequence[UUID], due_at: datetime) -> None:
    """Set when rooms are due again; rows that somebody else has locked stay due."""
    require_transaction()
    rows = locking.lock_progress_rows(performance_ids)
    QueueProgress.objects.filter(pk__in=rows).update(advance_due_at=due_at)


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
    """Return whether this person has used it; raises InvitationUsedUp where others used it up."""
    if InvitationUse.objects.filter(invitation=invitation, user_id=user_id).exists():
        return True
    if invitation.uses >= invitation.uses_allowed:
        raise InvitationUsedUp
    return False


def _draw_of(progress: QueueProgress) -> Draw:
    return Draw(progress.draw_seed, progress.draw_start, progress.draw_ceiling)
