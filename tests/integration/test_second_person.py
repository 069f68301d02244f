"""What gives much away waits for somebody else, wherever it is asked for."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from accounts import approvals
from accounts.errors import (
    ApprovalDecided,
    ApprovalExpired,
    ApprovalNotFound,
    OwnApproval,
)
from accounts.models import Approval, AuditEntry
from accounts.usecases.approvals import refuse
from kernel import clock
from kernel.ids import uuid7
from payments.cancellation import CancelledAlready, TooLateToCancel
from payments.fees import BUILT_IN
from payments.models import Cancellation, Refund
from payments.usecases.refunding import by_staff
from points.errors import InsufficientPoints
from points.usecases import adjustments
from tests.support import factories
from tests.support.cancelling import buy, money_behind_tickets, money_kept
from tests.support.concurrency import at_once
from tests.support.money import balance_of, give_points
from tests.support.staff_roles import member
from tickets.models import Ticket

ONE, OTHER = uuid7(), uuid7()


@pytest.fixture(autouse=True)
def limit(settings):
    settings.SECOND_PERSON_ABOVE = 100_000


def adjust(fan, points, *, actor=ONE, adjustment_id=None):
    return adjustments.adjust(
        user_id=fan.pk,
        points=points,
        adjustment_id=adjustment_id or uuid4(),
        reason="lost by us",
        actor_id=actor,
        now=clock.now(),
    )


def approve(approval_id, *, actor=OTHER, later=timedelta(0)):
    now = clock.now() + later
    return adjustments.approve(approval_id=approval_id, actor_id=actor, now=now)


def test_up_to_the_limit_points_move_at_once(fan):
    done = adjust(fan, 100_000)
    assert (done.balance.amount, done.approval_id) == (100_000, None)


def test_above_the_limit_nothing_moves_until_somebody_else_approves(fan):
    waits = adjust(fan, 100_001)
    assert balance_of(fan) == 0
    assert waits.approval_id
    assert approve(waits.approval_id).balance.amount == balance_of(fan) == 100_001
    asked, approved, moved = [
        AuditEntry.objects.get(action=name)
        for name in ("accounts.ask_approval", "accounts.approve", "points.adjust")
    ]
    assert (asked.actor_id, approved.actor_id, moved.actor_id) == (ONE, OTHER, ONE)
    assert {asked.reason, approved.reason, moved.reason} == {"lost by us"}


def test_several_small_ones_do_not_pass_by_the_limit(fan):
    adjust(fan, 60_000)
    assert adjust(fan, -50_000, actor=OTHER).approval_id
    assert balance_of(fan) == 60_000


def test_small_ones_sent_at_once_do_not_pass_by_it_either(fan):
    done = at_once([lambda: adjust(fan, 60_000)] * 4)
    assert sum(one.approval_id is None for one in done) == 1
    assert balance_of(fan) == 60_000


def test_nobody_approves_his_own(fan):
    waits = adjust(fan, 200_000)
    with pytest.raises(OwnApproval):
        approve(waits.approval_id, actor=ONE)
    with pytest.raises(OwnApproval):
        refuse(approval_id=waits.approval_id, actor_id=ONE, reason="x", now=clock.now())
    assert balance_of(fan) == 0
    assert Approval.objects.get().status == "WAITING"


def test_nobody_gives_to_himself_however_little(fan):
    waits = adjust(fan, 1, actor=fan.pk)
    assert waits.approval_id is not None
    assert balance_of(fan) == 0
    with pytest.raises(OwnApproval):
        approve(waits.approval_id, actor=fan.pk)
    assert approve(waits.approval_id).balance.amount == 1


def test_who_would_get_it_does_not_approve_it(fan):
    waits = adjust(fan, 200_000)
    with pytest.raises(OwnApproval):
        approve(waits.approval_id, actor=fan.pk)
    assert balance_of(fan) == 0


@pytest.mark.control
def test_control_behind_the_use_case_a_constraint_refuses_it(fan):
    waits = adjust(fan, 200_000)
    with pytest.raises(IntegrityError):
        Approval.objects.filter(pk=waits.approval_id).update(
            status="APPROVED", decided_by=ONE, decided_at=clock.now()
        )


def test_a_request_is_good_for_a_day(fan):
    waits = adjust(fan, 200_000)
    with pytest.raises(ApprovalExpired):
        approve(waits.approval_id, later=timedelta(hours=24))
    assert approvals.waiting(now=clock.now() + timedelta(hours=24)) == []
    assert approve(waits.approval_id, later=timedelta(hours=23)).balance.amount == 200_000


def test_it_is_approved_once_however_many_press(fan):
    waits = adjust(fan, 200_000)
    outcomes = at_once([lambda: outcome_of(waits.approval_id)] * 4)
    assert sorted(outcomes) == ["approval_decided"] * 3 + ["done"]
    assert balance_of(fan) == 200_000


def outcome_of(approval_id):
    try:
        approve(approval_id)
    except ApprovalDecided as refusal:
        return refusal.code
    return "done"


def test_asked_twice_by_one_form_it_is_one_request(fan):
    form = uuid4()
    both = {adjust(fan, 200_000, adjustment_id=form).approval_id for _ in range(2)}
    assert len(both) == Approval.objects.count() == 1
    approve(both.pop())
    assert adjust(fan, 200_000, adjustment_id=form).approval_id is None  # done, not asked
    assert balance_of(fan) == 200_000


def test_what_is_refused_stays_refused(fan):
    waits = adjust(fan, 200_000)
    refuse(approval_id=waits.approval_id, actor_id=OTHER, reason="not ours", now=clock.now())
    with pytest.raises(ApprovalDecided):
        approve(waits.approval_id)
    assert AuditEntry.objects.get(action="accounts.refuse_approval").reason == "not ours"
    assert balance_of(fan) == 0


def test_what_can_not_be_done_goes_on_waiting(fan):
    waits = adjust(fan, -200_000)
    with pytest.raises(InsufficientPoints):
        approve(waits.approval_id)
    assert Approval.objects.get().status == "WAITING"
    give_points(fan, 200_000)
    assert approve(waits.approval_id).balance.amount == 0


def test_one_kind_is_not_approved_as_another(fan):
    waits = adjust(fan, 200_000)
    with pytest.raises(ApprovalNotFound):
        by_staff.approve(approval_id=waits.approval_id, actor_id=OTHER, now=clock.now())
    with pytest.raises(ApprovalNotFound):
        approve(uuid7())
    assert Approval.objects.get().status == "WAITING"


def test_a_command_on_the_server_needs_nobody_else(fan):
    assert adjust(fan, 500_000, actor=None).balance.amount == 500_000


# --- refunds by staff


@pytest.fixture
def bought(db_ready):
    """Two seats for 80,000 each, bought by points."""
    fan = factories.make_user()
    give_points(fan, 160_000)
    performance = factories.make_performance(seats=4, price=80_000)
    return fan, buy(fan, performance, seats=2)


def refund(held, seats, *, goodwill, actor=ONE, now=None, key=None):
    return by_staff.refund(
        reservation_id=held.id,
        seat_ids=[seat.seat_id for seat in seats],
        goodwill=goodwill,
        cancellation_id=key or uuid7(),
        reason="seat was broken",
        actor_id=actor,
        now=now or clock.now(),
    )


def too_late(held):
    starts_at = held.performance.starts_at
    return starts_at - timedelta(hours=BUILT_IN.fees[-1].hours) + timedelta(seconds=1)


def test_staff_refund_a_seat_by_the_policy(bought):
    fan, held = bought
    done = refund(held, held.seats[:1], goodwill=False)
    assert (done.result.refund.amount, done.result.fee.amount) == (80_000, 0)
    assert balance_of(fan) == 80_000
    assert Refund.objects.get().reason == "BY_STAFF"
    entry = AuditEntry.objects.get(action="payments.refund")
    assert (entry.reason, entry.actor_id) == ("seat was broken", ONE)
    assert Ticket.objects.filter(status="VOID").count() == 1
    assert money_kept() == money_behind_tickets()
    with pytest.raises(TooLateToCancel):
        refund(held, held.seats[1:], goodwill=False, now=too_late(held))


def test_goodwill_gives_all_back_however_late_it_is(bought):
    fan, held = bought
    quote = by_staff.quote_for_staff(
        reservation_id=held.id, seat_ids=None, goodwill=True, now=too_late(held)
    )
    assert (quote.paid, quote.fee) == (160_000, 0)
    done = refund(held, held.seats[:1], goodwill=True, now=too_late(held))
    assert done.result.refund.amount == balance_of(fan) == 80_000
    assert Cancellation.objects.get().reason == "GOODWILL"


def test_goodwill_above_the_limit_waits_and_is_given_once(bought):
    fan, held = bought
    key = uuid7()
    waits = refund(held, held.seats, goodwill=True, key=key)
    assert (waits.result, balance_of(fan)) == (None, 0)
    assert refund(held, held.seats, goodwill=True, key=key).approval_id == waits.approval_id
    with pytest.raises(OwnApproval):
        by_staff.approve(approval_id=waits.approval_id, actor_id=ONE, now=clock.now())
    done = by_staff.approve(approval_id=waits.approval_id, actor_id=OTHER, now=clock.now())
    assert done.result.refund.amount == balance_of(fan) == 160_000
    assert refund(held, held.seats, goodwill=True, key=key).result.id == done.result.id
    assert balance_of(fan) == 160_000
    assert money_kept() == money_behind_tickets() == 0


def test_goodwill_of_one_day_counts_together(bought):
    fan, held = bought
    assert refund(held, held.seats[:1], goodwill=True).result
    assert refund(held, held.seats[1:], goodwill=True, actor=OTHER).approval_id
    assert balance_of(fan) == 80_000


def test_what_was_given_up_meanwhile_is_not_refunded_twice(bought):
    fan, held = bought
    waits = refund(held, held.seats, goodwill=True)
    refund(held, held.seats[:1], goodwill=False)
    with pytest.raises(CancelledAlready):
        by_staff.approve(approval_id=waits.approval_id, actor_id=OTHER, now=clock.now())
    assert balance_of(fan) == 80_000
    assert Approval.objects.get().status == "WAITING"


def test_a_refund_has_a_reason(bought):
    _, held = bought
    with pytest.raises(by_staff.RefundReasonMissing):
        by_staff.refund(
            reservation_id=held.id,
            seat_ids=[held.seats[0].seat_id],
            goodwill=False,
            cancellation_id=uuid7(),
            reason=" ",
            actor_id=ONE,
            now=clock.now(),
        )


def test_the_admin_is_held_to_it_too(fan, client):
    finance = member("finance")
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    give_points(fan, 1)
    data = {
        "action": "adjust",
        "_selected_action": [str(fan.pk)],
        "confirmed": "yes",
        "reason": "lost by us",
        "points": "200000",
        "adjustment_id": str(uuid4()),
    }
    page = client.post(
        "/admin/points/account/", data, follow=True, headers={"Accept-Language": "en"}
    )
    assert "1 wait for a second person." in page.text
    assert balance_of(fan) == 1
    assert Approval.objects.get().requested_by == finance.pk
