"""What staff try and may not do is in the security log; what merely didn't work out is not."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.models import User
from kernel.caller import Caller
from kernel.ids import uuid7
from kernel.staff import refusals
from tests.support import factories
from tests.support.security_events import security_events

PEOPLE = reverse("admin:accounts_user_changelist")


@pytest.fixture
def member(db_ready):
    """Return a staff member of a group and a browser where he is logged in."""

    def make(group: str, **headers: str) -> tuple[User, Client]:
        user = factories.make_user(is_staff=True)
        user.groups.set(Group.objects.filter(name=group))
        browser = Client(headers={"Accept-Language": "en"} | headers)
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return user, browser

    return make


def lock_out(browser: Client, person: User) -> None:
    data = {"action": "lock_out", "_selected_action": [str(person.pk)]}
    browser.post(PEOPLE, data | {"confirmed": "1", "reason": "scalper"}, follow=True)


def test_a_page_beyond_ones_rights(member, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    user, browser = member("door", **{"X-Forwarded-For": "192.0.2.7"})
    with security_events() as recorded:
        assert browser.get("/admin/points/account/").status_code == 403
    assert recorded.events == [
        {
            "event": "staff_deed_refused",
            "user_id": str(user.pk),
            "client_ip": "192.0.2.7",
            "method": "GET",
            "path": "/admin/points/account/",
            "deed": None,
            "code": "permission_denied",
        }
    ]


def test_a_form_one_may_only_look_at(member):
    _, browser = member("finance")
    policy = factories.make_performance().sale_policy
    address = reverse("admin:reservations_salepolicy_change", args=[policy.pk])
    with security_events() as recorded:
        assert browser.get(address).status_code == 200
        assert browser.post(address, {"reason": "because"}).status_code == 403
    assert [event["method"] for event in recorded.events] == ["POST"]


@pytest.mark.parametrize("group", ["staff", "finance"])
def test_an_action_the_page_did_not_offer(member, fan, group):
    _, browser = member(group)
    with security_events() as recorded:
        lock_out(browser, fan)
    assert User.objects.get(pk=fan.pk).is_active
    assert [(event["event"], event["deed"]) for event in recorded.events] == [
        ("staff_deed_refused", "lock_out")
    ]


@pytest.mark.control
def test_control_where_actions_not_offered_are_not_looked_at_nothing_is_written(
    member, fan, monkeypatch
):
    monkeypatch.setattr(refusals, "record_action_not_offered", lambda *_: None)
    _, browser = member("staff")
    with security_events() as recorded:
        lock_out(browser, fan)
    assert recorded.events == []


def test_an_action_that_the_use_case_refuses_for_want_of_rights(member):
    superuser = factories.make_user(is_staff=True, is_superuser=True)
    _, browser = member("operator")
    with security_events() as recorded:
        lock_out(browser, superuser)
    [event] = recorded.events
    assert (event["deed"], event["code"]) == ("lock_out", "superuser_only")


def test_what_the_state_of_things_forbids_is_no_security_event(member):
    user, browser = member("operator")
    with security_events() as recorded:
        lock_out(browser, user)  # nobody locks himself out
    assert User.objects.get(pk=user.pk).is_active
    assert recorded.events == []


def test_what_is_allowed_is_recorded_as_done_and_never_as_refused(member, fan):
    actor, browser = member("operator")
    with security_events() as recorded:
        lock_out(browser, fan)
    assert not User.objects.get(pk=fan.pk).is_active
    [event] = recorded.events
    assert event["event"] == "account_locked_out"
    assert event["actor_id"] == str(actor.pk)


class Nobody(BasePermission):
    def has_permission(self, request, view) -> bool:
        return False


class Forbidden(APIView):
    permission_classes = [Nobody]

    def get(self, request) -> Response:
        raise AssertionError("nobody gets here")


@pytest.mark.parametrize(("is_staff", "written"), [(True, 1), (False, 0)])
def test_at_the_api_it_is_staff_who_are_written_down(is_staff, written):
    request = APIRequestFactory().get("/api/v1/anything/")
    force_authenticate(request, Caller(uuid7(), is_staff=is_staff))
    with security_events() as recorded:
        assert Forbidden.as_view()(request).status_code == 403
    assert len(recorded.events) == written
