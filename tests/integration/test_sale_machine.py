"""Whatever fans, staff, the clock and crashing servers do in a sale, in whatever order.

One rule-based state machine (hypothesis) over joining, waiting, being admitted, holding, extending,
releasing, paying, lapsing, and over the queue's and the lock's server lost, down and back; on real
PostgreSQL and Valkey, with a clock that only the machine moves.
"""

from datetime import UTC, datetime

import pytest

from payments.usecases.checkout import publication, transaction
from queueing import admission, policy
from reservations import operations
from reservations import policy as seats_policy
from reservations.models import SeatInventory
from reservations.usecases.holds.transaction import BatchTransaction
from tests.support.waiting_rooms import weaken_library
from tests.support.walks.holds import (
    HOLD,
)
from tests.support.walks.running import walk
from tests.support.walks.sale import SaleMachine


@pytest.fixture(autouse=True)
def _limits(monkeypatch, db_ready):
    monkeypatch.setattr(policy, "NUMBER_BLOCK", 4)  # so that ceilings are met all the time
    # What a walk does depends on nothing but the walk: no snapshot of seats by the machine's clock.
    monkeypatch.setattr(seats_policy, "SNAPSHOT_SECONDS", 0)
    monkeypatch.setattr(seats_policy, "SNAPSHOT_DOUBT_SECONDS", 0)


@pytest.mark.timeout(300)
def test_the_promises_hold_whatever_happens():
    walk(SaleMachine, examples=20, steps=50)


def _nobody_asks_for_an_admission(monkeypatch, folder):
    monkeypatch.setattr(admission, "is_required", lambda **_: False)


def _paying_frees_no_place(monkeypatch, folder):
    monkeypatch.setattr(publication.waiting_room, "finish", lambda **_: None)


def _paying_costs_nothing(monkeypatch, folder):
    monkeypatch.setattr(transaction.SettlementTransaction, "_take_points", lambda _: None)


def _seats_are_taken_unseen(monkeypatch, folder):
    def take(*, holds, now):
        return sum(
            SeatInventory.objects.filter(pk__in=[seat.seat_id for seat in hold.seats]).update(
                status=SeatInventory.Status.TEMPORARILY_RESERVED,
                reservation_id=hold.reservation.pk,
                held_until=hold.reservation.expires_at,
            )
            for hold in holds
        )

    monkeypatch.setattr(operations, "take_seats", take)
    monkeypatch.setattr(BatchTransaction, "_taken", lambda *_: [])


def _the_room_has_no_walls(monkeypatch, folder):
    weaken_library(monkeypatch, folder, "room.capacity - live, ", "")


@pytest.mark.control
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("remove_guard", "broken"),
    [
        (_nobody_asks_for_an_admission, "held without an admission"),
        (_paying_frees_no_place, "paid and still there"),
        (_paying_costs_nothing, "money came or went"),
        (_seats_are_taken_unseen, "a seat was had twice|seats and reservations differ|other seats"),
        (_the_room_has_no_walls, "too many at a time"),
    ],
    ids=["admission", "finishing", "money", "seats", "capacity"],
)
def test_control_the_machine_finds_a_missing_guard(monkeypatch, tmp_path, remove_guard, broken):
    remove_guard(monkeypatch, tmp_path)
    with pytest.raises(AssertionError, match=f"^({broken})"):
        walk(SaleMachine, examples=120, steps=50)  # ends with the first that fails


@pytest.fixture
def played():
    """A walk taken by hand: a fan has been let in and holds two seats."""
    machine = SaleMachine()
    machine.begin(3, 5)
    machine.place(0, {0, 1}, "token")
    yield machine
    machine.teardown()


def test_a_claim_that_is_over_is_believed_for_a_second_only(played):
    played.come_back_with_claims_that_are_over(1, "token")
    assert len(played.live) == 1


@pytest.mark.control
def test_control_a_claim_never_doubted_refuses_a_seat_that_nobody_has(monkeypatch, played):
    monkeypatch.setattr(seats_policy, "CLAIM_STALE_MS", 10**12)
    with pytest.raises(AssertionError, match="a seat that nobody has was refused"):
        played.come_back_with_claims_that_are_over(1, "token")


@pytest.mark.control
def test_control_a_lapsed_hold_that_blocks_is_noticed(monkeypatch, played):
    take, long_ago = operations.take_seats, datetime(2000, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(operations, "take_seats", lambda now, **more: take(now=long_ago, **more))
    monkeypatch.setattr(operations, "expire_lapsed", lambda **_: [])
    played.a_hold_passes(HOLD)
    with pytest.raises(AssertionError, match="refused because of nothing"):
        played.place(0, {0}, "token")
