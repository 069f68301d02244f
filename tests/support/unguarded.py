"""The product without a guard, for control tests."""

import pytest
from django.db import connection

from reservations import locking, operations
from reservations.claims import ClaimResult, Verdict, seat_claims


def without_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody through to PostgreSQL: the gate decides nothing but keeps rivals apart."""
    result = ClaimResult(Verdict.SKIPPED)
    monkeypatch.setattr(
        seat_claims, "claim_many", lambda *, requests, **_: [result] * len(requests)
    )


def without_row_locks(monkeypatch: pytest.MonkeyPatch, *, pause: float = 0.0) -> None:
    """Look, then write: neither lock nor condition; up to `pause` seconds lie between."""
    monkeypatch.setattr(
        locking,
        "_SEATS_TO_HOLD",
        locking._SEATS_TO_HOLD.replace("FOR NO KEY UPDATE OF inventory", ""),
    )

    def take(*, holds, now):
        [hold] = holds
        seat_ids = [seat.seat_id for seat in hold.seats]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM reservations_seatinventory WHERE seat_id = ANY(%s::uuid[])"
                " AND (status = 'AVAILABLE' OR held_until <= %s)",
                [seat_ids, now],
            )
            free = cursor.fetchone()[0]
            if free == len(seat_ids):
                if pause:
                    cursor.execute("SELECT pg_sleep(random() * %s)", [pause])
                cursor.execute(
                    "UPDATE reservations_seatinventory SET status = 'TEMPORARILY_RESERVED',"
                    " reservation_id = %s, held_until = %s WHERE seat_id = ANY(%s::uuid[])",
                    [hold.reservation.pk, hold.reservation.expires_at, seat_ids],
                )
            return free

    monkeypatch.setattr(operations, "take_seats", take)
