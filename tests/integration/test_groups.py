"""What each staff group may do, as the settings say and nothing beside."""

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import Group, Permission

from accounts import groups


def permissions(name):
    return {
        f"{app}.{codename}"
        for app, codename in Permission.objects.filter(group__name=name).values_list(
            "content_type__app_label", "codename"
        )
    }


def test_migrating_made_the_groups():
    assert set(configured.STAFF_GROUPS) <= set(Group.objects.values_list("name", flat=True))


@pytest.mark.parametrize(
    ("group", "may", "may_not"),
    [
        ("staff", "concerts.change_concert", "accounts.lock_out_user"),
        ("operator", "accounts.lock_out_user", "accounts.change_user"),
        ("operator", "accounts.view_auditentry", "auth.change_group"),
        ("finance", "payments.view_payment", "concerts.change_concert"),
        ("door", "tickets.check_in_ticket", "tickets.view_ticket"),
        ("integrator", "events.view_outboxevent", "tickets.view_ticket"),
    ],
)
def test_a_group_may_what_its_work_needs(group, may, may_not):
    assert may in permissions(group)
    assert may_not not in permissions(group)


@pytest.mark.parametrize("group", sorted(configured.STAFF_GROUPS))
def test_no_group_writes_the_audit_log_or_hands_out_rights(group):
    written = {f"accounts.{verb}_auditentry" for verb in ("add", "change", "delete")}
    rights = {
        f"auth.{verb}_{what}"
        for verb in ("add", "change", "delete")
        for what in ("group", "permission")
    }
    assert permissions(group).isdisjoint(written | rights)


def test_granting_again_mends_what_was_changed_and_changes_nothing_else():
    before = permissions("door")
    door = Group.objects.get(name="door")
    door.permissions.add(Permission.objects.get(codename="change_user"))
    door.permissions.remove(Permission.objects.get(codename="view_checkin"))
    for label in ("accounts", "tickets"):
        groups.grant(app_label=label)
        groups.grant(app_label=label)
    assert permissions("door") == before
