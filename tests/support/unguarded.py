"""The product without a guard, for control tests."""

import threading
from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import pytest
from django.db import connection

from reservations import locking, operations
from reservations.claims import ClaimResult, Verdict, seat_claims
from tests.support.waiting import await_that

_ARE_SOLD: LiteralString = (
    "SELECT bool_and(status = 'RESERVED') FROM reservations_seatinventory"
    " WHERE seat_id = ANY(%s::uuid[])"
)


def without_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody through to PostgreSQL: the gate decides nothing but keeps rivals apart."""
    result = ClaimResult(Verdict.SKIPPED)
    monkeypatch.setattr(
        seat_claims, "claim_many", lambda *, requests, **_: [result] * len(requests)
    )


class _Meeting:
    """Keeps the first who finds seats free until another has found one of them free too."""

    def __init__(self, *, second_is_later: bool) -> None:
        self._second_is_later = second_is_later
        self._entry, self._met = threading.Lock(), threading.Event()
        self._seats: set[UUID] = set()

    def come(self, seats: Sequence[UUID]) -> None:
        with self._entry:
            is_first = not self._seats
            if is_first:
                self._seats = set(seats)
            is_second = not is_first and not self._met.is_set() and self._seats.intersection(seats)
            if is_second:
                self._met.set()
        # Both ask the server again and again, which ends sessions that idle in a transaction.
        if is_first:
            await_that(lambda: _holds("SELECT %s", [self._met.is_set()]), "another", seconds=60)
        if is_second and self._second_is_later:
            await_that(lambda: _holds(_ARE_SOLD, [list(seats)]), "the first bought", seconds=60)


def without_row_locks(monkeypatch: pytest.MonkeyPatch, *, second_is_later: bool = False) -> None:
    """Look, then write: neither lock nor condition; the first two who can do meet in between.

    `second_is_later`: the second of them writes once the first has paid.
    """
    meeting = _Meeting(second_is_later=second_is_later)
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
                meeting.come(seat_ids)
                cursor.execute(
                    "UPDATE reservations_seatinventory SET status = 'TEMPORARILY_RESERVED',"
                    " reservation_id = %s, held_until = %s WHERE seat_id = ANY(%s::uuid[])",
                    [hold.reservation.pk, hold.reservation.expires_at, seat_ids],
                )
            return free

    monkeypatch.setattr(operations, "take_seats", take)


def _holds(statement: LiteralString, values: list[object]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.fetchone()[0])
