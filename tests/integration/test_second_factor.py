"""Staff prove themselves by a code beside the password, which counts once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts import mfa_adapter
from accounts.models import AuditEntry, Session
from accounts.usecases import second_factor
from kernel import clock
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import PASSWORD, call, log_in
from tests.support.security_events import security_events
from tests.support.staff_pages import browser, browser_of, enter, sees_staff_pages

LOGIN, INDEX = reverse("admin:login"), reverse("admin:index")
SET_UP = reverse("second_factor:set_up")


pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def boss(db_ready):
    return factories.make_user(
        email="boss@example.com", password=PASSWORD, is_staff=True, is_superuser=True
    )


def test_a_login_of_staff_takes_password_and_code(boss):
    device = Device()
    device.set_up(boss)
    for code in ("", "000000", "not a code"):
        client, answer = enter(boss, code)
        assert answer.status_code == 200  # the form again
        assert not sees_staff_pages(client)
    client, answer = enter(boss, device.code())
    assert answer.status_code == 302
    assert sees_staff_pages(client)


def test_a_code_counts_once_and_none_before_it_any_more(boss):
    device = Device()
    device.set_up(boss, steps=-1)
    now = clock.now()
    late = device.code(now=now, steps=1)
    assert enter(boss, late)[1].status_code == 302
    for used in (late, device.code(now=now, steps=0), device.code(now=now, steps=-1)):
        assert second_factor.check(user_id=boss.pk, code=used, now=now) is None


@pytest.mark.control
def test_without_the_kept_counter_a_code_counts_twice(boss, monkeypatch):
    device = Device()
    device.set_up(boss)
    monkeypatch.setattr(second_factor, "_LAST", "forgotten")
    now = clock.now()
    code = device.code(now=now)
    found = second_factor.check(user_id=boss.pk, code=code, now=now)
    found.data.pop("forgotten")
    found.save()
    assert second_factor.check(user_id=boss.pk, code=code, now=now) is not None


def test_the_code_that_set_it_up_is_used_up(boss):
    device = Device()
    device.set_up(boss, steps=0)
    assert second_factor.check(user_id=boss.pk, code=device.code(), now=clock.now()) is None


@given(
    st.integers(min_value=-5, max_value=5), st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1))
)
def test_a_code_is_known_for_its_half_minute_and_the_neighbours(steps, moment):
    now = moment.replace(tzinfo=UTC)
    device = Device()
    code = device.code(now=now, steps=steps)
    near = {device.code(now=now, steps=step) for step in (-1, 0, 1)}
    found = second_factor._counter_of(device.secret, code, now=now)
    assert (found is not None) == (code in near)


def test_a_recovery_code_counts_once(boss):
    device = Device()
    codes = device.set_up(boss)
    assert len(set(codes)) == 10
    client, answer = enter(boss, codes[3])
    assert answer.status_code == 302
    assert sees_staff_pages(client)
    assert enter(boss, codes[3])[1].status_code == 200
    assert enter(boss, codes[4])[1].status_code == 302


def test_guessing_codes_is_stopped(boss, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login_account": "3/5 minute"}
    device = Device()
    device.set_up(boss)
    with security_events() as recorded:
        for _ in range(3):
            enter(boss, "000000")
    assert [event["event"] for event in recorded.events].count("mfa_failed") == 3
    assert enter(boss, device.code())[1].status_code == 200


def test_a_login_begun_at_the_api_does_not_open_the_staff_pages(boss):
    client = browser()
    client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    assert sees_staff_pages(client)
    Device().set_up(boss)
    client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    answer = client.get(INDEX)
    assert answer.status_code == 302
    assert answer["Location"].startswith(LOGIN)
    assert client.get(INDEX).status_code == 302


def test_the_login_api_asks_staff_for_the_code_too(boss):
    device = Device()
    device.set_up(boss)
    first = log_in(boss.email)
    assert first.status_code == 401
    assert "access_token" not in first.json()["meta"]
    session = first.json()["meta"]["session_token"]
    wrong = call("POST", "auth/2fa/authenticate", {"code": "000000"}, session=session)
    assert wrong.status_code == 400
    code = device.code()
    done = call("POST", "auth/2fa/authenticate", {"code": code}, session=session)
    assert done.status_code == 200
    assert done.json()["meta"]["access_token"]
    again = log_in(boss.email).json()["meta"]["session_token"]
    used = call("POST", "auth/2fa/authenticate", {"code": code}, session=again)
    assert used.status_code == 400


def test_fans_have_no_second_factor_and_the_specification_says_so():
    paths = Client().get("/_allauth/openapi.json").json()["paths"]
    assert not [path for path in paths if "authenticators" in path]
    assert [path for path in paths if "2fa" in path] == [
        "/_allauth/app/v1/auth/2fa/authenticate",
        "/_allauth/app/v1/auth/2fa/reauthenticate",
    ]
    for path in ("account/authenticators", "account/authenticators/totp"):
        assert call("GET", path).status_code == 404


def secret_on(page):
    return re.search(r"<code>([A-Z2-7]{32})</code>", page.content.decode())[1]


def test_where_it_is_demanded_staff_set_it_up_before_anything_else(boss, settings, mailoutbox):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    client, answer = enter(boss)
    assert answer.status_code == 302
    for page in (INDEX, reverse("admin:accounts_user_changelist"), "/admin/password_change/"):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, SET_UP)
    page = client.get(SET_UP)
    assert "<svg" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    device = Device(secret_on(page))
    for form in ({}, {"password": "wrong-harbour-1", "code": device.code()}):
        assert "<svg" in client.post(SET_UP, form).content.decode()
    assert "<svg" in client.post(SET_UP, {"password": PASSWORD, "code": "000000"}).content.decode()
    other = enter(boss)[0]
    with security_events() as recorded:
        done = client.post(SET_UP, {"password": PASSWORD, "code": device.code()})
    codes = re.findall(r"<code>(\d{8})</code>", done.content.decode())
    assert len(codes) == 10
    assert sees_staff_pages(client)
    assert not sees_staff_pages(other)
    assert [event["event"] for event in recorded.events] == ["mfa_activated"]
    assert [letter.to for letter in mailoutbox] == [[boss.email]]
    assert client.get(SET_UP).status_code == 302  # shown once


@pytest.mark.control
def test_without_the_middleware_staff_see_pages_first(boss, settings, monkeypatch):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    monkeypatch.setattr(
        "accounts.admin_second_factor.SecondFactorMiddleware.process_view",
        lambda self, request, view, args, kwargs: None,
    )
    client, _ = enter(boss)
    assert sees_staff_pages(client)


def test_the_page_is_for_staff_alone():
    assert browser().get(SET_UP).status_code == 302
    client = browser_of(factories.make_user())
    assert client.get(SET_UP).status_code == 302


def test_no_screen_shows_a_secret_and_no_row_keeps_one_in_clear(boss):
    device = Device()
    device.set_up(boss)
    rows = [row.data for row in Authenticator.objects.all()]
    assert len(rows) == 2
    assert device.secret not in str(rows)
    assert Authenticator not in admin.site._registry
    client, _ = enter(boss, device.code())
    page = client.get(reverse("admin:accounts_user_change", args=[boss.pk])).content.decode()
    assert "second factor" in page
    for data in rows:
        for kept in (data.get("secret"), data.get("seed")):
            assert kept is None or kept not in page


def test_secrets_are_read_with_a_former_key_too(settings):
    adapter = mfa_adapter.MFAAdapter()
    kept = adapter.encrypt("secret")
    former = django_settings.SECRET_KEY
    settings.SECRET_KEY = "another-" * 8
    settings.SECRET_KEY_FALLBACKS = [former]
    assert adapter.decrypt(kept) == "secret"


def test_a_superuser_helps_who_has_lost_the_device(boss, mailoutbox):
    colleague = factories.make_user(email="c@example.com", password=PASSWORD, is_staff=True)
    device = Device()
    device.set_up(colleague)
    mailoutbox.clear()
    logged_in, _ = enter(colleague, device.code())
    client, _ = enter(boss)
    client.post(
        reverse("admin:accounts_user_changelist"),
        {
            "action": "reset_second_factor",
            "_selected_action": [str(colleague.pk)],
            "confirmed": "yes",
            "reason": "lost phone",
        },
    )
    entry = AuditEntry.objects.get(action="accounts.reset_second_factor")
    assert (entry.actor_id, entry.reason) == (boss.pk, "lost phone")
    assert not Session.objects.filter(user_id=colleague.pk).exists()
    assert not sees_staff_pages(logged_in)
    assert [letter.to for letter in mailoutbox] == [[colleague.email]]
    assert enter(colleague)[1].status_code == 302


def test_nobody_else_does():
    boss = factories.make_user(is_staff=True)
    fan = factories.make_user()
    Device().set_up(fan)
    with pytest.raises(second_factor.SuperuserNeeded):
        second_factor.reset(user_id=fan.pk, actor_id=boss.pk, reason="x", now=clock.now())
    assert Authenticator.objects.filter(user=fan).count() == 2


def test_a_second_set_up_over_a_first_is_refused(boss):
    Device().set_up(boss)
    with pytest.raises(second_factor.AlreadySetUp):
        Device().set_up(boss)
    with pytest.raises(second_factor.CodeWrong):
        second_factor.set_up(
            user_id=boss.pk,
            secret=Device().secret,
            code="000000",
            now=clock.now() - timedelta(days=1),
        )
