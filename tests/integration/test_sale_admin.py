"""What staff do to a sale in the admin, and what they can't."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from kernel import clock
from reservations import queries
from reservations.models import SaleHalt, SalePolicy, SeatInventory
from reservations.usecases import inventory, sale
from tests.support import factories
from tests.support.holding import place
from tests.support.round_trips import counted_round_trips

POLICIES = reverse("admin:reservations_salepolicy_changelist")
SEATS = reverse("admin:reservations_seatinventory_changelist")


@pytest.fixture
def staff(db_ready):
    client = Client()
    client.force_login(
        factories.make_user(is_staff=True, is_superuser=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=6, now=clock.now().replace(microsecond=0))


def act(client, url, action, rows, **fields):
    data = {"action": action, "_selected_action": [str(row) for row in rows], **fields}
    return client.post(url, data, follow=True)


def messages_of(answer):
    return " ".join(str(message) for message in answer.context["messages"])


def test_putting_on_sale_makes_the_inventory_and_is_audited(staff):
    performance = factories.make_performance(seats=6, on_sale=False)
    page = staff.get(reverse("admin:reservations_salepolicy_change", args=[performance.pk]))
    assert "✓" in page.content.decode()
    asked = act(staff, POLICIES, "put_on_sale", [performance.pk])
    assert SeatInventory.objects.count() == 0, "it asks for a reason first"
    assert asked.status_code == 200
    done = act(
        staff, POLICIES, "put_on_sale", [performance.pk], confirmed="yes", reason="checked twice"
    )
    assert "6" in messages_of(done)
    assert SeatInventory.objects.filter(performance=performance).count() == 6
    entry = AuditEntry.objects.get(action="reservations.put_on_sale")
    assert entry.reason == "checked twice"
    again = act(staff, POLICIES, "put_on_sale", [performance.pk], confirmed="yes", reason="again")
    assert "not_on_sale" in messages_of(again)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda p: p.seats.all().delete(), "seats"),
        (lambda p: type(p).objects.filter(pk=p.pk).update(status="CANCELLED"), "scheduled"),
        (lambda p: SalePolicy.objects.filter(performance=p).delete(), "policy"),
    ],
)
def test_what_is_not_ready_is_not_put_on_sale(db_ready, spoil, line):
    performance = factories.make_performance(seats=2, on_sale=False)
    spoil(performance)
    with pytest.raises(inventory.NotReadyForSale) as refused:
        inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=clock.now())
    assert line in refused.value.extras["failed"]
    assert not SeatInventory.objects.exists()


def test_blocking_and_unblocking_seats_asks_why(staff, performance, fan):
    seats = factories.seat_ids(performance, 3)
    act(staff, SEATS, "block", seats[:2], confirmed="yes", reason="camera")
    assert SeatInventory.objects.filter(status="BLOCKED").count() == 2
    assert AuditEntry.objects.get(action="reservations.block").reason == "camera"
    place(fan, performance, seats[2:])
    refused = act(staff, SEATS, "block", seats[2:], confirmed="yes", reason="camera")
    assert str(seats[2]) in messages_of(refused)
    act(staff, SEATS, "unblock", seats[:2], confirmed="yes", reason="camera gone")
    assert not SeatInventory.objects.filter(status="BLOCKED").exists()


def test_a_reason_is_needed(staff, performance):
    seats = factories.seat_ids(performance, 1)
    act(staff, SEATS, "block", seats, confirmed="yes", reason="")
    assert not SeatInventory.objects.filter(status="BLOCKED").exists()


def test_halting_and_resuming_a_sale(staff, performance):
    act(staff, POLICIES, "halt", [performance.pk], confirmed="yes", reason="fire alarm")
    assert queries.sale_terms(performance.pk).halted
    act(staff, POLICIES, "resume", [performance.pk], confirmed="yes", reason="false alarm")
    assert not queries.sale_terms(performance.pk).halted
    assert SaleHalt.objects.get().reason == "fire alarm"
    nothing = act(staff, POLICIES, "resume", [performance.pk], confirmed="yes", reason="again")
    assert str(sale.NoHalt.message) in messages_of(nothing)


def test_a_policy_changes_with_a_reason_and_its_next_version(staff, performance):
    row = SalePolicy.objects.get(pk=performance.pk)
    form = policy_form(row, max_seats_per_fan=2, reason="scalpers")
    answer = staff.post(
        reverse("admin:reservations_salepolicy_change", args=[performance.pk]), form
    )
    assert answer.status_code == 302, answer.content.decode()
    changed = SalePolicy.objects.get(pk=performance.pk)
    assert (changed.max_seats_per_fan, changed.version) == (2, row.version + 1)
    entry = AuditEntry.objects.get(action="reservations.set_policy")
    assert entry.changes == {"max_seats_per_fan": {"from": 4, "to": 2}}
    assert queries.sale_terms(performance.pk).max_seats_per_fan == 2


def test_staff_switch_the_orphan_rule_and_set_limits(staff, performance):
    row = SalePolicy.objects.get(pk=performance.pk)
    form = policy_form(row, orphan_rule="on", holds_per_minute="12", reason="tidy rows")
    staff.post(reverse("admin:reservations_salepolicy_change", args=[performance.pk]), form)
    terms = queries.sale_terms(performance.pk)
    assert (terms.orphan_rule, terms.holds_per_minute) == (True, 12)
    assert AuditEntry.objects.get(action="reservations.set_policy").changes == {
        "orphan_rule": {"from": False, "to": True},
        "holds_per_minute": {"from": None, "to": 12},
    }


def test_a_policy_is_added_by_its_use_case(staff):
    performance = factories.make_performance(on_sale=False)
    row = SalePolicy.objects.get(pk=performance.pk)
    SalePolicy.objects.filter(pk=performance.pk).delete()
    form = policy_form(row, performance=str(performance.pk), reason="first night")
    answer = staff.post(reverse("admin:reservations_salepolicy_add"), form)
    assert answer.status_code == 302, answer.content.decode()
    assert SalePolicy.objects.get(pk=performance.pk).version == 1
    assert AuditEntry.objects.filter(action="reservations.create_policy").exists()


def test_windows_that_make_no_sense_are_refused(performance):
    row = SalePolicy.objects.get(pk=performance.pk)
    with pytest.raises(sale.PolicyInvalid) as refused:
        sale.set_policy(
            performance_id=performance.pk,
            changes={"sale_closes_at": row.sale_opens_at - timedelta(days=1), "hold_seconds": 1},
            reason="slip",
            actor_id=None,
            now=clock.now(),
        )
    assert refused.value.extras == {"fields": ["hold_seconds", "sale_closes_at"]}
    assert SalePolicy.objects.get(pk=performance.pk).version == row.version


@pytest.mark.parametrize("name", ["seatinventory", "reservation", "salehalt"])
def test_lists_cost_the_same_for_one_row_and_for_many(staff, name):
    url = reverse(f"admin:reservations_{name}_changelist")

    def rows(n):
        performance = factories.make_performance(seats=n)
        for seat in factories.seat_ids(performance):
            place(factories.make_user(), performance, [seat])
            sale.halt(performance_id=performance.pk, reason="x", actor_id=None, now=clock.now())
            SaleHalt.objects.update(lifted_at=clock.now())
            queries.forget_sale_terms()
        with counted_round_trips() as counts:
            assert staff.get(url).status_code == 200
        return len(counts.sql)

    assert rows(1) == rows(5)


def test_a_reservation_is_found_by_its_id_and_by_e_mail(staff, fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    place(factories.make_user(), performance, factories.seat_ids(performance)[1:2])
    url = reverse("admin:reservations_reservation_changelist")
    for term in (str(hold.id), fan.email):
        found = staff.get(url, {"q": term}).context["cl"].result_list
        assert [row.pk for row in found] == [hold.id]
    page = staff.get(reverse("admin:reservations_reservation_change", args=[hold.id]))
    assert page.status_code == 200


def policy_form(row, **changes):
    def two(name):
        moment = timezone.localtime(getattr(row, name))
        return {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}

    values = {
        **two("sale_opens_at"),
        **two("sale_closes_at"),
        "hold_seconds": row.hold_seconds,
        "hold_cap_seconds": row.hold_cap_seconds,
        "extra_time_cap_seconds": row.extra_time_cap_seconds,
        "payment_seconds": row.payment_seconds,
        "max_seats_per_fan": row.max_seats_per_fan,
        "lapses_before_backoff": row.lapses_before_backoff,
        "backoff_seconds": row.backoff_seconds,
    }
    return values | changes
