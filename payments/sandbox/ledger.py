"""The ledger of the sandbox: one SQLite file, and the only place where its money moves.

Every change is one transaction with the event that announces it and the response that a repeated
request gets, so that a killed sandbox has either all of it or nothing.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from payments.sandbox import documents, refusals
from payments.sandbox.schema import TABLES, LedgerCancel, LedgerPayment, StoredReply


class Ledger:
    """All payments, refunds and webhooks. For one thread; amounts in whole units."""

    def __init__(
        self, path: Path, *, page_url: str, page_seconds: float, confirm_seconds: float
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._page_url = page_url
        self._page_seconds, self._confirm_seconds = page_seconds, confirm_seconds
        self.connection = sqlite3.connect(path, isolation_level=None)
        # A killed process loses nothing that was committed; a machine's end may lose the last.
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(TABLES)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done within, or nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # --- reading

    def payment(self, payment_key: str) -> LedgerPayment:
        """Return a payment. Raises ApiRefusal."""
        return self._one("payment_key", payment_key)

    def order(self, order_id: str) -> LedgerPayment:
        """Return the payment of an order. Raises ApiRefusal."""
        return self._one("order_id", order_id)

    def document(self, row: LedgerPayment) -> dict[str, Any]:
        """Return the Payment document."""
        return documents.payment(row, self._cancels(row), page_url=self._page_url)

    def audit(self) -> dict[str, list[dict[str, Any]]]:
        """Return every capture and every refund, oldest first."""
        rows = self.connection.execute(
            "SELECT * FROM payments WHERE captured_at IS NOT NULL ORDER BY captured_at, payment_key"
        )
        payments = [LedgerPayment(*row) for row in rows]
        refunds = [documents.refund(row, one) for row in payments for one in self._cancels(row)]
        return {
            "captures": [documents.capture(row) for row in payments],
            "refunds": sorted(refunds, key=lambda one: one["refundedAt"]),
        }

    def _one(self, column: str, value: str) -> LedgerPayment:
        found = self.connection.execute(
            f"SELECT * FROM payments WHERE {column} = ?",  # noqa: S608  (a name of ours)
            [value],
        ).fetchone()
        if found is None:
            raise refusals.not_found()
        return LedgerPayment(*found)

    def _cancels(self, row: LedgerPayment) -> list[LedgerCancel]:
        found = self.connection.execute(
            "SELECT * FROM cancels WHERE payment_key = ? ORDER BY rowid", [row.payment_key]
        )
        return [LedgerCancel(*one) for one in found]

    # --- requests that come twice

    def response(self, call: str, idempotency_key: str) -> StoredReply | None:
        """Return what a request with this key got; None for the first."""
        found = self.connection.execute(
            "SELECT request, status, body FROM responses WHERE call = ? AND idempotency_key = ?",
            [call, idempotency_key],
        ).fetchone()
        return StoredReply(*found) if found else None

    def keep_response(
        self, call: str, idempotency_key: str, request: str, status: int, body: str
    ) -> None:
        """Keep what a request with this key gets from now on."""
        self.connection.execute(
            "INSERT INTO responses VALUES (?, ?, ?, ?, ?)",
            [call, idempotency_key, request, status, body],
        )

    # --- what happens to a payment

    def create(
        self,
        *,
        order_id: str,
        order_name: str,
        amount: int,
        currency: str,
        success_url: str,
        fail_url: str,
        now: float,
    ) -> LedgerPayment:
        """Return the payment of an order, a new one the first time. Raises ApiRefusal."""
        key = f"sandbox_{secrets.token_urlsafe(24)}"
        self.connection.execute(
            "INSERT INTO payments (payment_key, order_id, order_name, amount, currency,"
            " success_url, fail_url, status, requested_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'READY', ?) ON CONFLICT (order_id) DO NOTHING",
            [key, order_id, order_name, amount, currency, success_url, fail_url, now],
        )
        row = self.order(order_id)
        if (row.amount, row.currency) != (amount, currency):
            raise refusals.duplicate_order()
        return row

    def agree(self, row: LedgerPayment, *, now: float) -> LedgerPayment:
        """Write down that the customer agrees: it can be confirmed for a while."""
        if row.status == "READY":
            self._set(row, status="IN_PROGRESS", agreed_at=now)
        return self.payment(row.payment_key)

    def fail(self, row: LedgerPayment, code: str, message: str, *, now: float) -> None:
        """End a payment without money."""
        self._set(row, status="ABORTED", failure_code=code, failure_message=message)
        self._announce(row, now)

    def capture(self, row: LedgerPayment, *, now: float) -> None:
        """Take the money."""
        self._set(row, status="DONE", captured_at=now, capture_at=None)
        self._announce(row, now)

    def capture_later(self, row: LedgerPayment, *, at: float) -> None:
        """Have the money taken at a later moment, without another request."""
        self._set(row, capture_at=at)

    def refund(self, row: LedgerPayment, amount: int | None, reason: str, *, now: float) -> None:
        """Give money back, all that is left by default. Raises ApiRefusal."""
        left = row.amount - sum(one.amount for one in self._cancels(row))
        if row.captured_at is None:
            raise refusals.not_cancelable()
        if left == 0:
            raise refusals.canceled()
        amount = left if amount is None else amount
        if amount > left:
            raise refusals.too_much()
        self.connection.execute(
            "INSERT INTO cancels VALUES (?, ?, ?, ?, ?)",
            [secrets.token_hex(16).upper(), row.payment_key, amount, reason, now],
        )
        self._set(row, status="CANCELED" if amount == left else "PARTIAL_CANCELED")
        self._announce(row, now)

    def advance(self, *, now: float) -> None:
        """Do what has become due: late captures, and the end of pages nobody paid at."""
        late = self.connection.execute(
            "SELECT * FROM payments WHERE status IN ('READY', 'IN_PROGRESS') AND"
            " (capture_at <= ? OR (capture_at IS NULL AND (requested_at <= ? AND agreed_at IS NULL"
            " OR agreed_at <= ?)))",
            [now, now - self._page_seconds, now - self._confirm_seconds],
        ).fetchall()
        for found in late:
            row = LedgerPayment(*found)
            with self.transaction():
                if row.capture_at is not None:
                    self.capture(row, now=now)
                else:
                    self._set(row, status="EXPIRED", failure_code="EXPIRED_PAYMENT")
                    self._announce(row, now)

    def _set(self, row: LedgerPayment, **columns: object) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.connection.execute(
            f"UPDATE payments SET {names} WHERE payment_key = ?",  # noqa: S608  (names of ours)
            [*columns.values(), row.payment_key],
        )

    def _announce(self, row: LedgerPayment, now: float) -> None:
        body = documents.event(self.document(self.payment(row.payment_key)), now)
        self.connection.execute(
            "INSERT INTO deliveries (event_id, body, due_at) VALUES (?, ?, ?)",
            [f"evt_{secrets.token_hex(12)}", json.dumps(body, ensure_ascii=False), now],
        )
