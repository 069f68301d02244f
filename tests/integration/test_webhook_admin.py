"""The staff pages of webhooks: no secret, no way to write but by actions, for those who may."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.models import AuditEntry
from kernel.ids import uuid7
from tests.support import factories
from tests.support.machines import make_key
from tests.support.staff_pages import browser_of
from tests.support.webhooks import apply, endpoint, event, register
from webhooks.models import WebhookDelivery, WebhookEndpoint

LIST = reverse("admin:webhooks_webhookendpoint_changelist")


def member_of(name):
    user = factories.make_user(is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    return browser_of(user)


@pytest.fixture
def made(db_ready):
    return register("https://hooks.example.com/in")


def act(browser, action, made, **form):
    return browser.post(
        LIST,
        {"action": action, "_selected_action": [str(made.id)], "confirmed": "yes"}
        | {"reason": "floods"}
        | form,
        follow=True,
    )


def test_no_page_shows_a_secret(made):
    WebhookEndpoint.objects.update(former_secret="former-secret")
    row = endpoint(made.id)
    browser = member_of("operator")
    place = reverse("admin:webhooks_webhookendpoint_change", args=[made.id])
    for page in (browser.get(place), browser.get(LIST)):
        assert page.status_code == 200
        content = page.content.decode()
        assert made.url in content
        assert row.secret not in content
        assert "former-secret" not in content
    assert browser.get(LIST, {"secret__startswith": "g"}).status_code in (302, 400)


def test_a_delivery_is_shown(made):
    apply(event())
    place = reverse(
        "admin:webhooks_webhookdelivery_change", args=[WebhookDelivery.objects.get().pk]
    )
    assert "payment.paid" in member_of("operator").get(place).content.decode()


def test_operators_disable_and_enable_with_a_reason(made):
    browser = member_of("operator")
    assert "1 disabled." in act(browser, "disable", made).content.decode()
    assert endpoint(made.id).disabled_by == "STAFF"
    assert AuditEntry.objects.get(action="webhooks.disable_endpoint").reason == "floods"
    assert "1 enabled." in act(browser, "enable", made).content.decode()
    assert endpoint(made.id).enabled


def test_operators_hand_over_to_a_key_that_may_manage_webhooks(made):
    browser = member_of("operator")
    wrong, right = uuid7(), uuid7()
    make_key("checkins:write", key_id=wrong)
    make_key("webhooks:manage", key_id=right)
    act(browser, "hand_over", made, api_key_id=str(wrong))
    assert endpoint(made.id).api_key_id is None
    act(browser, "hand_over", made, api_key_id=str(right))
    assert (endpoint(made.id).api_key_id, endpoint(made.id).user_id) == (right, None)


@pytest.mark.parametrize(("group", "sees"), [("staff", 200), ("integrator", 403), ("door", 403)])
def test_nobody_else_acts_and_integrators_see_no_endpoint_of_others(made, group, sees):
    browser = member_of(group)
    assert browser.get(LIST).status_code == sees
    act(browser, "disable", made)
    assert endpoint(made.id).enabled
