"""Staff set the limit of a route by a row, and it is in force within two seconds."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections
from django.test import Client
from django.urls import reverse

from accounts import rate_limits
from accounts.models import AuditEntry, RateLimit, User
from kernel.caching import refreshed_copy
from kernel.rate_limiting.rates import Rate, rate_of
from tests.support import factories
from tests.support.money import CHARGES, PAYMENTS, post
from tests.support.round_trips import counted_round_trips
from tests.support.waiting import await_promised
from tests.support.waiting_rooms import make_room, queue_url

LOGIN = "/_allauth/app/v1/auth/login"
SIGN_UP = "/_allauth/app/v1/auth/signup"
ADD = reverse("admin:accounts_ratelimit_add")


@pytest.fixture(autouse=True)
def _as_it_was(db_ready):
    rate_limits.refresh()
    yield
    RateLimit.objects.all().delete()
    rate_limits.refresh()


@pytest.fixture
def browser(db_ready):
    made = Client()
    made.force_login(
        User.objects.create_superuser("root@example.com", "x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return made


def set_to(browser, route, amount, seconds=60):
    answer = browser.post(ADD, {"route": route, "amount": amount, "period_seconds": seconds})
    assert answer.status_code == 302, answer.content.decode()


def joining(client):
    room = make_room()
    return lambda: client.post(queue_url(room), {}, format="json")


def holding(client):
    performance = factories.make_performance(seats=1)
    body = {
        "performance_id": str(performance.pk),
        "seat_ids": [str(factories.seat_ids(performance)[0])],
    }
    return lambda: client.post("/api/v1/reservations/", body, format="json")


def paying(client):
    body = {"reservation_id": str(factories.make_user().pk), "method": "POINTS"}
    return lambda: post(client, PAYMENTS, body)


def charging(client):
    return lambda: post(client, CHARGES, {"amount": 1000})


@pytest.mark.parametrize(
    ("route", "calling"),
    [("join", joining), ("hold", holding), ("pay", paying), ("charge", charging)],
)
def test_a_row_is_in_force_within_two_seconds_and_gone_as_fast(
    browser, as_fan, fan, route, calling
):
    call = calling(as_fan(fan))
    assert [call().status_code for _ in range(3)].count(429) == 0
    set_to(browser, route, 2, seconds=3600)
    refused = await_promised(
        lambda: next((a for a in [call()] if a.status_code == 429), None), "429", seconds=2
    )
    assert refused.json()["code"] == "rate_limited"
    assert refused["RateLimit-Policy"] == f'"{route}";q=2;w=3600'
    row = RateLimit.objects.get(route=route)
    browser.post(reverse("admin:accounts_ratelimit_delete", args=[row.pk]), {"post": "yes"})
    await_promised(lambda: call().status_code != 429, "the setting again", seconds=2)
    actions = AuditEntry.objects.filter(target_id=str(row.pk)).values_list("action", flat=True)
    assert len(actions) == 2


def test_logins_are_limited_by_the_row_too(browser):
    body = {"email": "nobody@example.com", "password": "wrong-password-1"}

    def status():
        return Client().post(LOGIN, body, "application/json").status_code

    set_to(browser, "login", 2)
    await_promised(lambda: rate_limits.chosen("login"), "the row", seconds=2)
    assert [status() for _ in range(3)] == [400, 400, 429]


def test_sign_ups_are_limited_by_the_row_until_it_is_gone(browser):
    set_to(browser, "signup", 2)
    await_promised(lambda: rate_limits.chosen("signup"), "the row", seconds=2)
    answers = [sign_up(f"fan{n}@example.com") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json() == {"status": 429}  # in allauth's form, as all of its answers
    assert User.objects.filter(email__startswith="fan").count() == 2
    row = RateLimit.objects.get(route="signup")
    browser.post(reverse("admin:accounts_ratelimit_delete", args=[row.pk]), {"post": "yes"})
    await_promised(lambda: rate_limits.chosen("signup") is None, "the setting again", seconds=2)
    assert sign_up("fan3@example.com").status_code == 200


def sign_up(email):
    body = {"email": email, "password": "orange-harbour-97"}
    return Client().post(SIGN_UP, body, "application/json")


def test_a_longer_period_counts_again(browser, as_fan, fan):
    call = joining(as_fan(fan))
    call()
    set_to(browser, "join", 5, seconds=3600)
    rate_limits.refresh()
    assert call()["RateLimit"].startswith('"join";r=4;')


def test_no_request_reads_the_rows(as_fan, fan):
    call = joining(as_fan(fan))
    call()
    with counted_round_trips() as trips:
        call()
    assert trips.sql == []
    assert len(trips.redis) == 1


def test_another_copy_keeps_itself_fresh():
    copy = rate_limits.ChosenRates()
    assert copy.get("pay") is None
    RateLimit.objects.create(route="pay", amount=7)
    found = await_promised(lambda: copy.get("pay"), "the row", seconds=2)
    assert (found.amount, found.period_seconds) == (7, 60)
    copy.stop()


@pytest.mark.parametrize(
    ("route", "amount", "seconds"),
    [
        ("pay", 0, 60), ("pay", 10_000_001, 60), ("pay", 1, 0), ("pay", 1, 86_401),
        ("login", 1001, 60),
    ],
)  # fmt: skip
def test_bounds_are_kept_by_the_form_and_by_the_database(route, amount, seconds):
    row = RateLimit(route=route, amount=amount, period_seconds=seconds)
    with pytest.raises(ValidationError):
        row.full_clean()
    with pytest.raises(IntegrityError):
        row.save()


def test_every_limited_route_can_be_set():
    assert set(RateLimit.Route.values) == {*django_settings.RATE_LIMITS, "signup"}
    assert {"login", "signup"} < set(django_settings.ACCOUNT_RATE_LIMITS)
    assert rate_of("pay").amount == 10_000_000


def test_a_new_process_whose_requests_hold_every_connection_knows_the_limits(db_ready, monkeypatch):
    monkeypatch.setattr(refreshed_copy, "_FIRST_COPY_SECONDS", 60)
    RateLimit.objects.create(route="join", amount=7, period_seconds=60)
    connection.close()
    copy, everybody = rate_limits.ChosenRates(), django_settings.DATABASE_POOL_SIZE
    meeting = threading.Barrier(everybody)

    def ask(_):
        RateLimit.objects.count()  # takes a connection of the pool
        meeting.wait(20)
        try:
            return copy.get("join")
        finally:
            meeting.wait(20)  # nobody gives one back before all have asked
            connections.close_all()

    try:
        with ThreadPoolExecutor(everybody) as threads:
            assert list(threads.map(ask, range(everybody))) == [Rate(7, 60)] * everybody
    finally:
        copy.stop()
