"""A postponed performance keeps its tickets and has a refund window, which ends."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from concerts.errors import PerformanceNotFound, RefundWindowInvalid
from concerts.models import Performance
from concerts.usecases import programme
from kernel import clock
from kernel.ids import uuid7
from payments.cancellation import TooLateToCancel
from payments.models import RefundPolicy
from payments.usecases import refunding
from reservations.usecases.holds import SalePaused
from tests.support.cancelling import buy, cancel, money_behind_tickets, money_kept
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.holding import place
from tests.support.money import balance_of, give_points, outbox
from tickets.models import Ticket

PRICE = 100_000
WEALTH = 10 * PRICE
DAY = timedelta(days=1)


@pytest.fixture
def performance(db_ready):
    RefundPolicy.objects.create(fees="48 10%")  # nothing in the last two days
    return make_performance(seats=6, price=PRICE)


@pytest.fixture
def bought(fan, performance):
    give_points(fan, WEALTH)
    return buy(fan, performance, seats=2)


def postpone(performance, *, days=10, now=None):
    now = now or clock.now()
    return programme.postpone(
        performance_id=performance.pk,
        refund_until=now + days * DAY,
        actor_id=None,
        reason="flooded",
        now=now,
    )


def quote(fan, bought, now):
    return refunding.quote(reservation_id=bought.id, user_id=fan.pk, now=now)


def test_the_sale_stops_the_tickets_stay_and_the_event_names_the_end(performance, bought):
    now = clock.now()
    assert postpone(performance, now=now) is True
    assert Ticket.objects.filter(status="VALID").count() == 2
    with pytest.raises(SalePaused):
        place(make_user(), performance, seat_ids(performance)[2:3])
    [event] = outbox("performance.postponed")
    assert event.data["starts_at"] is None
    assert event.data["refund_until"] == clock.as_text(now + 10 * DAY)
    entry = AuditEntry.objects.get(action="concerts.postpone")
    assert (entry.reason, entry.changes["status"]["to"]) == ("flooded", "POSTPONED")


@pytest.mark.parametrize("back_on_schedule", [False, True])
def test_until_the_end_of_the_window_there_is_no_fee(fan, performance, bought, back_on_schedule):
    Performance.objects.update(starts_at=clock.now())  # by the table it would be too late
    postpone(performance)
    if back_on_schedule:
        programme.set_status(
            performance_id=performance.pk,
            status=Performance.Status.SCHEDULED,
            actor_id=None,
            reason="new date",
            now=clock.now(),
        )
    now = clock.now() + 9 * DAY
    window = Performance.objects.get().refund_until
    assert (quote(fan, bought, now).allowed_until, quote(fan, bought, now).fee) == (window, 0)
    assert cancel(fan, bought.id, now=now).refund.amount == 2 * PRICE
    assert balance_of(fan) == WEALTH
    assert money_behind_tickets() == money_kept() == 0


def test_after_it_the_fee_table_holds_again(fan, performance, bought):
    Performance.objects.update(starts_at=clock.now() + 30 * DAY)
    postpone(performance)
    ends = Performance.objects.get().refund_until
    assert quote(fan, bought, ends - timedelta(seconds=1)).fee == 0
    assert quote(fan, bought, ends).fee == 2 * PRICE // 10
    with pytest.raises(TooLateToCancel):
        cancel(fan, bought.id, now=clock.now() + 29 * DAY)


@pytest.mark.control
def test_control_without_its_end_nobody_ever_pays_a_fee(fan, performance, bought, monkeypatch):
    postpone(performance)
    monkeypatch.setattr(
        Performance, "is_given_back_freely", lambda self, now: self.refund_until is not None
    )
    ends = Performance.objects.get().refund_until
    assert quote(fan, bought, ends + DAY).fee == 0


def test_a_cancelled_performance_has_no_window(fan, performance, bought):
    postpone(performance)
    Performance.objects.update(status="CANCELLED")
    with pytest.raises(Exception, match="reservation_not_cancellable"):
        cancel(fan, bought.id)


def test_postponed_again_it_gets_the_new_end(performance):
    now = clock.now()
    assert postpone(performance, now=now) is True
    assert postpone(performance, now=now) is False
    assert postpone(performance, days=20, now=now) is True
    assert len(outbox("performance.postponed")) == 2
    assert Performance.objects.get().refund_until == now + 20 * DAY


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_window_ends_within_a_year_and_not_at_once(performance, days):
    with pytest.raises(RefundWindowInvalid):
        postpone(performance, days=days)
    assert Performance.objects.get().status == "SCHEDULED"


def test_an_unknown_performance_is_refused(db_ready):
    with pytest.raises(PerformanceNotFound):
        programme.postpone(
            performance_id=uuid7(),
            refund_until=clock.now() + DAY,
            actor_id=None,
            reason="x",
            now=clock.now(),
        )


def test_the_command_postpones(performance):
    out = StringIO()
    call_command("postpone_performance", str(performance.pk), reason="flooded", stdout=out)
    row = Performance.objects.get()
    assert row.status == "POSTPONED"
    assert clock.as_text(row.refund_until) in out.getvalue()
    assert timedelta(days=29) < row.refund_until - clock.now() < timedelta(days=31)


@pytest.mark.parametrize("days", [-5, 0, 367, 10**9])
def test_the_command_refuses_nonsense(performance, days):
    with pytest.raises(CommandError):
        call_command("postpone_performance", str(performance.pk), reason="x", refund_days=days)
    with pytest.raises(CommandError):
        call_command("postpone_performance", str(uuid7()), reason="x")
    assert Performance.objects.get().status == "SCHEDULED"


@pytest.fixture
def staff(db_ready):
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


@pytest.mark.parametrize(("days", "status"), [("7", "POSTPONED"), ("0", "SCHEDULED")])
def test_staff_postpone_with_a_reason_and_a_length(staff, performance, days, status):
    staff.post(
        reverse("admin:concerts_performance_changelist"),
        {
            "action": "postpone",
            "_selected_action": performance.pk,
            "confirmed": "yes",
            "reason": "flooded",
            "refund_days": days,
        },
    )
    assert Performance.objects.get().status == status
