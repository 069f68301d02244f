"""What staff do to people and rights stands in the security log."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.usecases import people
from accounts.usecases.people import OwnAccount
from kernel import clock
from tests.support import factories
from tests.support.security_events import security_events


@pytest.fixture
def boss():
    return factories.make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def browser(boss):
    browser = Client()
    browser.force_login(boss)
    return browser


def event(name, user=None, **fields):
    return {"event": name, "user_id": str(user.pk) if user else None, "client_ip": None, **fields}


def test_a_lock_out_and_its_end_name_whom_and_by_whom(boss):
    fans = [factories.make_user() for _ in range(2)]
    said = {"user_ids": [fan.pk for fan in fans], "actor_id": boss.pk, "reason": "bot"}
    with security_events() as recorded:
        people.lock_out(**said, now=clock.now())
        people.lock_out(**said, now=clock.now())  # nobody is left to lock out
        people.unlock(**said, now=clock.now())
    assert recorded.events == [
        event(name, fan, actor_id=str(boss.pk))
        for name in ("account_locked_out", "account_let_in")
        for fan in fans
    ]


def test_a_lock_out_that_is_refused_is_none(boss):
    with security_events() as recorded, pytest.raises(OwnAccount):
        people.lock_out(user_ids=[boss.pk], actor_id=boss.pk, reason="oops", now=clock.now())
    assert recorded.events == []


def test_changed_rights_of_a_person_are_recorded_and_other_changes_are_not(boss, browser):
    colleague = factories.make_user(is_staff=True)
    url = reverse("admin:accounts_user_change", args=[colleague.pk])
    said = {"email": colleague.email, "is_staff": "on", "display_name": "Kim"}
    with security_events() as recorded:
        browser.post(url, said)
        browser.post(url, {**said, "is_superuser": "on"})
    colleague.refresh_from_db()
    assert (colleague.display_name, colleague.is_superuser) == ("Kim", True)
    assert recorded.events == [event("rights_changed", colleague, actor_id=str(boss.pk))]


def test_so_are_a_groups(boss, browser):
    group = Group.objects.create(name="press")
    with security_events() as recorded:
        browser.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "media"})
        browser.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert not Group.objects.filter(pk=group.pk).exists()
    changed = event("rights_changed", actor_id=str(boss.pk), group=group.pk)
    assert recorded.events == [changed, changed]
