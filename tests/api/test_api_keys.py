"""API keys of machines: what they open, until when, and what a made-up one costs."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import api_keys
from accounts.api.authentication import JWTAuthentication
from accounts.api.machines import ApiKeyAuthentication, known_machine_in
from accounts.api.permissions import ByKeyOrGroup, check_performance
from accounts.api_keys import KeysInForce, keys_in_force
from accounts.models import ApiKey, AuditEntry
from accounts.usecases import api_keys as use_cases
from kernel import clock
from kernel.http import call_limits
from kernel.http.call_limits import CallLimits
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from tests.support import factories
from tests.support.hostile import token_of
from tests.support.machines import CHECK_IN, make_key
from tests.support.round_trips import counted_round_trips
from tests.support.security_events import security_events
from tests.support.staff_pages import browser_of
from tests.support.waiting import await_promised
from tests.support.wsgi import answer_of, environment

ADD = reverse("admin:accounts_apikey_add")
LIST = reverse("admin:accounts_apikey_changelist")
FORM = {"name": "gate 3", "scopes": [CHECK_IN], "performance_ids": "", "reason": "the doors"}


class MayEnter(ByKeyOrGroup):
    scope = CHECK_IN
    groups = frozenset({"door"})


class DoorView(APIView):
    """A view that takes keys, at one performance where a request names it."""

    authentication_classes = (JWTAuthentication, ApiKeyAuthentication)
    permission_classes = (MayEnter,)

    def get(self, request):
        if "performance" in request.query_params:
            check_performance(request, uuid_of(request.query_params["performance"]))
        return Response({"who": str(request.user.pk)})


def uuid_of(text):
    return type(uuid7())(text)


def call(authorization, **query):
    request = APIRequestFactory().get("/", query, headers={"Authorization": authorization})
    response = DoorView.as_view()(request)
    return response.status_code, response.data.get("code")


def call_by(key, **query):
    return call(f"Api-Key {key}", **query)


pytestmark = pytest.mark.usefixtures("no_key_missed")


@pytest.fixture
def boss(db_ready):
    return factories.make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def other_process():
    """Return the copy of another process, which reads by itself."""
    copy = KeysInForce()
    yield copy
    copy.stop()


def test_a_key_opens_what_its_scope_says_from_the_moment_it_is_shown(db_ready):
    assert call_by(make_key()) == (200, None)
    assert call(f"api-key   {make_key()} ") == (200, None)
    assert call_by(make_key("webhooks:manage", "catalogue:read")) == (403, "permission_denied")


def test_a_key_of_some_performances_is_good_at_no_other(db_ready):
    here, there = uuid7(), uuid7()
    key = make_key(performances=[here])
    assert call_by(key, performance=str(here)) == (200, None)
    assert call_by(key, performance=str(there)) == (403, "permission_denied")
    assert call_by(make_key(), performance=str(there)) == (200, None)


def test_people_come_by_their_group_and_no_fan_by_a_login(db_ready):
    user = factories.make_user()
    assert call(f"Bearer {token_of(user, groups=['door'])}") == (200, None)
    assert call(f"Bearer {token_of(user)}") == (403, "permission_denied")
    assert call("") == (401, "not_authenticated")


def test_a_key_ends_with_its_time(db_ready):
    now = clock.now()
    key = make_key(expires_at=now - timedelta(seconds=1), now=now - timedelta(days=1))
    assert call_by(key) == (401, "api_key_expired")
    with pytest.raises(use_cases.ExpiryInThePast):
        make_key(expires_at=now, now=now)


def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_within_two_seconds(
    boss, other_process
):
    key_id = uuid7()
    key = make_key(key_id=key_id)
    assert call_by(key) == (200, None)
    assert other_process.find(key, may_read=True) is not None
    revoke(key_id, boss)
    assert call_by(key) == (401, "api_key_invalid")
    await_promised(
        lambda: other_process.find(key, may_read=False) is None, "the others refuse it", seconds=2
    )
    assert use_cases.revoke(key_ids=[key_id], actor_id=boss.pk, reason="", now=clock.now()) == 0
    assert AuditEntry.objects.filter(action="accounts.revoke_api_key").count() == 1


@pytest.mark.control
def test_control_a_copy_that_nobody_refreshes_goes_on_taking_it(boss, other_process):
    key_id = uuid7()
    key = make_key(key_id=key_id)
    assert other_process.find(key, may_read=True) is not None
    other_process.stop()
    revoke(key_id, boss)
    assert other_process.find(key, may_read=False) is not None


def revoke(key_id, actor):
    assert (
        use_cases.revoke(key_ids=[key_id], actor_id=actor.pk, reason="lost", now=clock.now()) == 1
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: key.swapcase(),
        lambda key: key[:9] + ("a" if key[9] != "a" else "b") + key[10:],
        lambda key: api_keys.new_key(),
        lambda key: "",
        lambda key: "é" * len(key),
        lambda key: key.replace("frontrow_", "frontrow-"),
        lambda key: "x" * 5000,
    ],
)
def test_whatever_is_no_key_of_ours_is_refused(db_ready, spoil):
    assert call_by(spoil(make_key())) == (401, "api_key_invalid")


def test_made_up_keys_cost_ten_reads_a_second_at_most_and_malformed_ones_none(db_ready):
    keys_in_force.start()
    with counted_round_trips() as counts:
        for _ in range(50):
            call_by("frontrow_" + "a" * 49)
    assert counts.sql == []
    with counted_round_trips() as counts:
        for _ in range(100):
            assert call_by(api_keys.new_key()) == (401, "api_key_invalid")
    assert 1 <= len(counts.sql) <= 30


def test_a_good_key_costs_one_write_a_minute(db_ready):
    key_id = uuid7()
    key = make_key(key_id=key_id)
    call_by(key)
    first = ApiKey.objects.get(pk=key_id).last_used_at
    assert abs(clock.now() - first) < timedelta(seconds=30)
    keys_in_force.refresh()
    with counted_round_trips() as counts:
        for _ in range(10):
            call_by(key)
    assert counts.sql == []
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    keys_in_force.refresh()
    call_by(key)
    assert ApiKey.objects.get(pk=key_id).last_used_at >= first


def test_two_processes_write_the_use_of_a_minute_once(db_ready):
    key_id, now = uuid7(), clock.now()
    known = api_keys.KnownKey(None, None, None)
    make_key(key_id=key_id)
    known = keys_in_force_of(key_id)
    use_cases.record_use(key=known, now=now)
    use_cases.record_use(key=known, now=now + timedelta(seconds=30))
    assert ApiKey.objects.get(pk=key_id).last_used_at == now


def keys_in_force_of(key_id):
    keys_in_force.refresh()
    return next(one for one in keys_in_force._copy.values() if one.machine.key_id == key_id)


def test_a_changed_secret_key_still_finds_keys_by_its_fallbacks(db_ready, settings):
    key = make_key()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of fifty characters, as the settings ask"
    assert call_by(key) == (200, None)
    settings.SECRET_KEY_FALLBACKS = []
    assert call_by(key) == (401, "api_key_invalid")


def test_the_table_has_no_key(db_ready):
    key = make_key()
    kept = str(ApiKey.objects.values().get()) + str(list(AuditEntry.objects.values()))
    assert key[api_keys.SHOWN :] not in kept
    assert key[: api_keys.SHOWN] in kept


@given(st.integers(0, 57), st.sampled_from("0Zaz_ "))
def test_a_mistyped_key_fails_its_checksum(place, typed):
    key = api_keys.new_key()
    assert re.fullmatch(r"frontrow_[0-9A-Za-z]{49}", key)
    assert api_keys.is_well_formed(key)
    spoilt = key[:place] + typed + key[place + 1 :]
    assert api_keys.is_well_formed(spoilt) is (spoilt == key)


def test_the_admin_shows_a_key_once_and_keeps_its_reason(boss):
    browser = browser_of(boss)
    with security_events() as log:
        page = browser.post(ADD, FORM)
    [key] = re.findall(r"frontrow_[0-9A-Za-z]{49}", page.content.decode())
    assert "no-store" in page.headers["Cache-Control"]
    assert call_by(key) == (200, None)
    row = ApiKey.objects.get()
    entry = AuditEntry.objects.get(action="accounts.make_api_key")
    assert (entry.reason, entry.actor_id, entry.target_id) == ("the doors", boss.pk, str(row.pk))
    assert [line["event"] for line in log.events] == ["api_key_made"]
    change = reverse("admin:accounts_apikey_change", args=[row.pk])
    for place in (LIST, change):
        shown = browser.get(place).content.decode()
        assert row.prefix in shown
        assert key not in shown
        assert row.key_hash not in shown
    assert browser.post(change, FORM).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["everything"]},
        {"scopes": []},
        {"performance_ids": "not an id"},
        {"performance_ids": "\n".join(str(uuid7()) for _ in range(101))},
        {"reason": ""},
        {"name": ""},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"},
    ],
)
def test_the_form_refuses_what_makes_no_key(boss, wrong):
    page = browser_of(boss).post(ADD, FORM | wrong)
    assert page.status_code == 200
    assert not re.search(r"frontrow_[0-9A-Za-z]{49}", page.content.decode())
    assert not ApiKey.objects.exists()


def test_operators_make_and_revoke_keys_and_nobody_else_does(boss):
    operator = factories.make_user(is_staff=True)
    operator.groups.set(Group.objects.filter(name="operator"))
    door = factories.make_user(is_staff=True)
    door.groups.set(Group.objects.filter(name="door"))
    assert browser_of(door).post(ADD, FORM).status_code == 403
    browser = browser_of(operator)
    assert browser.post(ADD, FORM).status_code == 200
    row = ApiKey.objects.get()
    form = {"action": "revoke", "_selected_action": [str(row.pk)], "confirmed": "1"}
    browser.post(LIST, form | {"reason": "lost"})
    assert ApiKey.objects.get().revoked_at is not None


def test_a_machine_gets_through_where_its_client_ip_is_spent(db_ready, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "3/hour", "machine": "5/hour"}
    call_limits.forget_client_ips()
    throttle.forget_callers()
    key = make_key()
    keys_in_force.refresh()
    site = CallLimits(_fine, caller_of=known_machine_in)

    def status(authorization):
        environ = environment("GET", "/", HTTP_AUTHORIZATION=authorization)
        return int(answer_of(site, environ).status[:3])

    assert [status("Api-Key made-up") for _ in range(4)] == [200, 200, 200, 429]
    assert [status(f"Api-Key {key}") for _ in range(6)] == [200] * 5 + [429]
    call_limits.forget_client_ips()
    throttle.forget_callers()


def _fine(environ, start_response):
    start_response("200 OK", [])
    return [b""]
