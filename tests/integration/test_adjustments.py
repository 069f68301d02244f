"""Staff adjust points with a reason: audited, once, never below zero."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from kernel import clock
from points import queries
from points.errors import InsufficientPoints
from points.models import Account, Entry, Transfer
from points.policy import ADJUSTMENT_MAXIMUM, ADJUSTMENTS
from points.usecases import adjustments
from points.usecases.adjustments import AdjustmentInvalid
from tests.support.concurrency import at_once
from tests.support.factories import make_user
from tests.support.money import balance_of, give_points, outbox

ACCOUNTS = reverse("admin:points_account_changelist")


def adjust(fan, points, *, adjustment_id=None, reason="wrongly charged", actor=None):
    return adjustments.adjust(
        user_id=fan.pk,
        points=points,
        adjustment_id=adjustment_id or uuid4(),
        reason=reason,
        actor_id=actor,
        now=clock.now(),
    ).balance.amount


def test_points_are_given_and_taken_back_by_a_transfer(fan):
    assert adjust(fan, 500) == 500  # the first movement opens the account
    assert adjust(fan, -200) == balance_of(fan) == 300
    assert queries.system_balance(account_id=ADJUSTMENTS).amount == -300
    assert [one.data["amount"]["amount"] for one in outbox("points.adjusted")] == [500, -200]
    [last, first] = AuditEntry.objects.filter(action="points.adjust").order_by("-pk")
    assert last.changes["balance"] == {"from": 500, "to": 300}
    assert (first.reason, first.target_id) == ("wrongly charged", str(fan.pk))


@pytest.mark.parametrize("points", [0, ADJUSTMENT_MAXIMUM + 1, -ADJUSTMENT_MAXIMUM - 1])
def test_an_adjustment_has_bounds(fan, points):
    with pytest.raises(AdjustmentInvalid):
        adjust(fan, points)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_adjustment_has_a_reason(fan, reason):
    with pytest.raises(AdjustmentInvalid):
        adjust(fan, 100, reason=reason)
    assert not Transfer.objects.exists()


def test_more_than_there_is_can_not_be_taken(fan):
    give_points(fan, 100)
    with pytest.raises(InsufficientPoints):
        adjust(fan, -101)
    assert balance_of(fan) == 100
    assert not AuditEntry.objects.filter(action="points.adjust").exists()


def test_without_its_audit_entry_nothing_is_moved(fan, monkeypatch):
    monkeypatch.setattr(adjustments, "record_audit", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        adjust(fan, 100)
    assert balance_of(fan) == 0
    assert not outbox("points.adjusted")


def test_sent_several_times_at_once_it_counts_once(fan):
    one = uuid4()
    balances = at_once([lambda: adjust(fan, 100, adjustment_id=one)] * 6)
    assert balances == [100] * 6
    assert AuditEntry.objects.filter(action="points.adjust").count() == 1


@pytest.mark.control
def test_control_without_the_look_under_lock_the_key_of_the_transfer_refuses_it(fan, monkeypatch):
    monkeypatch.setattr(adjustments.queries, "references", lambda **_: set())
    one = uuid4()
    adjust(fan, 100, adjustment_id=one)
    with pytest.raises(IntegrityError):
        adjust(fan, 100, adjustment_id=one)
    assert balance_of(fan) == 100


@pytest.fixture
def member(db_ready):
    def make(group):
        user = make_user(is_staff=True)
        user.groups.set(Group.objects.filter(name=group))
        browser = Client(headers={"Accept-Language": "en"})
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return user, browser

    return make


def act(browser, accounts, **fields):
    data = {
        "action": "adjust",
        "_selected_action": [str(pk) for pk in accounts],
        "confirmed": "yes",
        "reason": "lost by us",
        "points": "250",
        "adjustment_id": str(uuid4()),
    }
    return browser.post(ACCOUNTS, data | fields, follow=True)


def test_finance_adjusts_in_the_admin_once_a_form(fan, member):
    user, browser = member("finance")
    give_points(fan, 100)
    one = str(uuid4())
    for _ in range(2):
        act(browser, [fan.pk, ADJUSTMENTS], adjustment_id=one)
    assert balance_of(fan) == 350
    [entry] = AuditEntry.objects.filter(action="points.adjust")
    assert (entry.actor_id, entry.reason) == (user.pk, "lost by us")


@pytest.mark.parametrize("fields", [{"reason": ""}, {"points": "x"}, {"adjustment_id": ""}])
def test_the_form_asks_for_all_of_it(fan, member, fields):
    _, browser = member("finance")
    give_points(fan, 100)
    act(browser, [fan.pk], **fields)
    assert balance_of(fan) == 100


@pytest.mark.parametrize("group", ["staff", "operator", "door"])
def test_nobody_else_adjusts(fan, member, group):
    _, browser = member(group)
    give_points(fan, 100)
    act(browser, [fan.pk])
    assert balance_of(fan) == 100
    assert Entry.objects.filter(account=Account.objects.get(pk=fan.pk)).count() == 1
