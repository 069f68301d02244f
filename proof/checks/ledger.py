"""Checks of the ledger of points: debits are credits, and balances are the sums of entries."""

from proof.findings import AuditBatch, Violation

_TRANSFERS = """
    SELECT transfer.id, NULL::uuid,
           count(entry.id) || ' entries that sum to ' || coalesce(sum(entry.amount), 0)
      FROM points_transfer transfer
      LEFT JOIN points_entry entry ON entry.transfer_id = transfer.id
     WHERE transfer.id = ANY(%(keys)s::uuid[])
     GROUP BY transfer.id HAVING coalesce(sum(entry.amount), 0) <> 0 OR count(entry.id) < 2
     ORDER BY transfer.id LIMIT %(limit)s
"""


def debits_are_credits(batch: AuditBatch) -> list[Violation]:
    """Find transfers whose entries don't sum to zero."""
    return batch.violations("transfer", _TRANSFERS)


# The performance that the account last paid for is the one whose sale may have gone wrong.
_BALANCES = """
    SELECT account.id,
           (SELECT reservation.performance_id
              FROM points_entry entry
              JOIN points_transfer transfer ON transfer.id = entry.transfer_id
               AND transfer.kind IN ('payment', 'payment_hold')
              JOIN payments_payment payment ON payment.id = transfer.reference
              JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
             WHERE entry.account_id = account.id
             ORDER BY entry.id DESC LIMIT 1),
           'balance ' || account.balance || ', entries sum to ' || entries.total
      FROM points_account account
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(entry.amount), 0) AS total FROM points_entry entry
            WHERE entry.account_id = account.id) AS entries
     WHERE account.id = ANY(%(keys)s::uuid[]) AND account.user_id IS NOT NULL
       AND (account.balance <> entries.total OR account.balance < 0)
     ORDER BY account.id LIMIT %(limit)s
"""


def balances_are_sums(batch: AuditBatch) -> list[Violation]:
    """Find fans whose balance is not the sum of their entries, or is negative."""
    return batch.violations("account", _BALANCES)
