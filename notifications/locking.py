"""The claims of letters and mailings: one worker at a time sends or goes on with each."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.db.transaction import require_transaction
from notifications import policy
from notifications.models import Mailing
from notifications.operations import ClaimedLetter

_CLAIM = """
    WITH due AS (
        SELECT id, due_at FROM notifications_notification
         WHERE status = 'WAITING' AND due_at <= %(now)s
         ORDER BY due_at LIMIT %(most)s
           FOR UPDATE SKIP LOCKED)
    UPDATE notifications_notification AS letter
       SET due_at = %(lease)s, fence = letter.fence + 1
      FROM due WHERE letter.id = due.id
    RETURNING due.due_at, letter.id, kind, user_id, data::text, attempts, fence, created_at,
           traceparent
"""


def claim_due(*, now: datetime) -> list[ClaimedLetter]:
    """Take letters that are due, the longest due first, for `policy.LEASE`.

    Needs an open transaction.

    The lease is the moment they are due again: if this worker dies, another takes them then, and
    the fence keeps this one from finishing them afterwards.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {"now": now, "lease": now + policy.LEASE, "most": policy.LETTERS_PER_BATCH},
        )
        rows = cursor.fetchall()
    letters = [(due_at, _letter(*row)) for due_at, *row in rows]
    letters.sort(key=lambda one: (one[0], one[1].created_at, one[1].id))
    return [letter for _, letter in letters]


def claim_mailing() -> Mailing | None:
    """Lock the oldest mailing that is not finished and at which no other worker is, if any."""
    require_transaction()
    rows = Mailing.objects.filter(finished_at=None).order_by("created_at")
    return rows.select_for_update(skip_locked=True, no_key=True).first()


def _letter(id_: UUID, kind: str, user_id: UUID, data: str, *more: Any) -> ClaimedLetter:
    return ClaimedLetter(id_, kind, user_id, json.loads(data), *more)
