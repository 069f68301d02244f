"""What the bases of every staff screen promise, tried on screens that stand on them."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from kernel import clock
from kernel.errors import Busy
from kernel.staff.admin import AuditedAdmin, ReadOnlyAdmin, StaffAdmin, UseCaseAdmin
from queueing.models import QueueConfig
from queueing.usecases import config
from tests.support import factories
from tests.support.staff_pages import browser_of

PASSWORD = "orange-harbour-97"


@pytest.fixture
def operator():
    user = factories.make_user(is_staff=True, password=PASSWORD)
    user.groups.set(Group.objects.filter(name="operator"))
    return user


@pytest.fixture
def client(operator):
    return browser_of(operator)


@pytest.fixture
def room(operator):
    performance = factories.make_performance(seats=1)
    config.set_config(
        performance_id=performance.pk,
        changes={"rate_per_second": 5, "queue_opens_at": clock.now()},
        actor_id=operator.pk,
        reason="start",
        now=clock.now(),
    )
    AuditEntry.objects.all().delete()
    return QueueConfig.objects.get(performance=performance)


def form_of(client, url, **changes):
    """Return the form's own initial values, changed, as a browser would send them."""
    form = client.get(url).context["adminform"].form
    data = {}
    for bound in form:
        value = bound.value()
        if hasattr(value, "strftime"):
            data |= {f"{bound.name}_0": f"{value:%Y-%m-%d}", f"{bound.name}_1": f"{value:%H:%M:%S}"}
        elif value is True:
            data[bound.name] = "on"
        elif value is not None and value is not False:
            data[bound.name] = value
    return data | changes


def test_a_form_that_is_a_use_case_asks_for_a_reason_and_records_it(client, room, operator):
    url = reverse("admin:queueing_queueconfig_change", args=[room.pk])
    without = client.post(url, form_of(client, url, rate_per_second="9"))
    assert without.status_code == 200
    assert "reason" in without.context["adminform"].form.errors
    room.refresh_from_db()
    assert room.rate_per_second == 5

    done = client.post(url, form_of(client, url, rate_per_second="9", reason="more staff"))
    assert done.status_code == 302, done.context["adminform"].form.errors
    room.refresh_from_db()
    assert room.rate_per_second == 9
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.reason) == (operator.pk, "more staff")


def test_those_who_only_look_see_no_reason_field_and_change_nothing(room):
    finance = factories.make_user(is_staff=True, password=PASSWORD)
    finance.user_permissions.set(_view_permission())
    client = Client()
    client.force_login(finance, "django.contrib.auth.backends.ModelBackend")
    url = reverse("admin:queueing_queueconfig_change", args=[room.pk])
    page = client.get(url)
    assert page.status_code == 200
    assert 'name="reason"' not in page.content.decode()
    assert client.post(url, {"rate_per_second": "9", "reason": "x"}).status_code == 403


def _view_permission():
    return Permission.objects.filter(codename="view_queueconfig")


def test_an_action_refused_by_its_use_case_shows_why_and_changes_nothing(client, room, monkeypatch):
    def refuse(**kwargs):
        raise Busy

    monkeypatch.setattr(config, "set_config", refuse)
    page = client.post(
        reverse("admin:queueing_queueconfig_changelist"),
        {"action": "pause", "_selected_action": [str(room.pk)], "confirmed": "y", "reason": "x"},
        follow=True,
    )
    assert "Please try again" in page.content.decode()


def test_every_screen_of_ours_stands_on_a_base():
    own = {
        model: screen
        for model, screen in admin.site._registry.items()
        if not type(screen).__module__.startswith(("django.", "allauth."))
    }
    bases = (ReadOnlyAdmin, UseCaseAdmin, AuditedAdmin)
    assert len(own) > 10
    for screen in own.values():
        assert isinstance(screen, StaffAdmin), screen
        assert isinstance(screen, bases), screen


def test_no_screen_of_a_library_lets_anybody_write():
    foreign = [
        screen for screen in admin.site._registry.values() if not isinstance(screen, StaffAdmin)
    ]
    assert foreign == []
