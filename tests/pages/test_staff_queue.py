"""The controls of a waiting room: effect, confirmation, reason, undo."""

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.models import AuditEntry
from queueing.models import QueueConfig
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories
from tests.support.staff_roles import browser_as
from tests.support.waiting_rooms import join, make_room


@pytest.fixture
def room(db_ready):
    performance = factories.make_performance(seats=4)
    make_room(performance=performance, rate_per_second=10, capacity=1, state="OPEN")
    for _ in range(4):
        join(performance)
    return performance


def url_of(performance):
    with override("en"):
        return reverse("boxoffice:queue", args=[performance.pk])


def config_of(performance):
    return QueueConfig.objects.get(pk=performance.pk)


def preview(client, url, state="", **typed):
    form = next(one for one in forms_of(client.get(url)) if "version" in one.fields)
    fields = {"reason": "slow card network", **typed}
    return send(client, form, **fields, **({"state": state} if state else {}))


def test_the_effect_is_shown_before_and_done_by_a_second_press(room):
    client, url = browser_as("operator"), url_of(room)
    page = preview(client, url, rate_per_second="2", capacity="9")
    assert page.status_code == 200
    assert "3 wait. At 2 a second the last one enters at" in text_of(page)
    assert config_of(room).rate_per_second == 10  # looking changes nothing
    done = send(client, form_with(page, "confirm"), "confirm")
    assert done.status_code == 302
    now = config_of(room)
    assert (now.rate_per_second, now.capacity) == (2, 9)
    entry = AuditEntry.objects.get(action="queueing.set_config")
    assert entry.reason == "slow card network"
    assert set(entry.changes) == {"rate_per_second", "capacity"}
    assert "The waiting room has been changed." in text_of(client.get(url))


@pytest.mark.parametrize("state", ["PAUSED", "DRAINING", "CLOSED"])
def test_a_room_is_stopped_and_goes_on(room, state):
    client, url = browser_as("staff"), url_of(room)
    send(client, form_with(preview(client, url, state=state), "confirm"), "confirm")
    assert config_of(room).state == state
    send(client, form_with(preview(client, url, state="GO_ON"), "confirm"), "confirm")
    assert config_of(room).state == "OPEN"


def test_the_last_change_is_undone_by_one_press_with_its_effect_shown(room):
    client, url = browser_as("operator"), url_of(room)
    send(client, form_with(preview(client, url, state="PAUSED"), "confirm"), "confirm")
    page = client.get(url)
    assert "If it is undone" in text_of(page)
    done = send(client, form_with(page, "undo"), "undo", undo_reason="network is back")
    assert done.status_code == 302
    assert config_of(room).state == "OPEN"


def test_without_a_reason_nothing_happens(room):
    client, url = browser_as("operator"), url_of(room)
    page = preview(client, url, rate_per_second="2", reason=" ")
    assert "What it will do" not in text_of(page)
    assert config_of(room).rate_per_second == 10
    send(client, form_with(preview(client, url, state="PAUSED"), "confirm"), "confirm")
    assert send(client, form_with(client.get(url), "undo"), "undo").status_code == 200
    assert config_of(room).state == "PAUSED"


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(room):
    client, url = browser_as("operator"), url_of(room)
    page = preview(client, url, rate_per_second="2")
    other = preview(client, url, state="PAUSED")
    send(client, form_with(other, "confirm"), "confirm")
    refused = send(client, form_with(page, "confirm"), "confirm")
    assert refused.status_code == 409
    assert "The settings have been changed meanwhile" in text_of(refused)
    assert config_of(room).rate_per_second == 10


def test_a_value_out_of_bounds_is_refused_where_it_was_typed(room):
    page = preview(browser_as("operator"), url_of(room), rate_per_second="99999")
    assert "What it will do" not in text_of(page)
    assert "5000" in text_of(page)


def test_who_may_only_look_sees_no_controls_and_a_sent_form_is_refused(room):
    page = browser_as("finance").get(url_of(room))
    assert page.status_code == 200
    assert [form.fields for form in forms_of(page) if "reason" in form.fields] == []
    assert "Show the effect" not in text_of(page)
    body = {"action": "confirm", "rate_per_second": 1, "capacity": 1, "reason": "x", "version": 1}
    for role in ("finance", "door", "integrator"):
        assert browser_as(role).post(url_of(room), body).status_code == 403
    assert config_of(room).rate_per_second == 10


def test_a_performance_without_a_room_says_so(db_ready):
    page = browser_as("operator").get(url_of(factories.make_performance(seats=2)))
    assert "This performance has no waiting room." in text_of(page)
