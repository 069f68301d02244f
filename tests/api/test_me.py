"""GET, PATCH and DELETE of /api/v1/me/."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts import own_account
from accounts.models import ApiKey, RefreshToken, Session, User
from accounts.usecases import api_keys, people
from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from payments.models import Payment
from personal.usecases import account
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import place
from tests.support.login_api import (
    EMAIL,
    PASSWORD,
    Time,
    bearer,
    log_in,
    new_fan,
    own_points,
    reauthenticate,
    refresh,
    sid_in,
)
from tests.support.money import begin, give_points
from tickets.models import Ticket

URL = "/api/v1/me/"
SETTINGS = {"display_name": "", "language": "ko", "phone": "", "extra_time": False}


@pytest.fixture
def token(db_ready):
    return new_fan(EMAIL)


@pytest.fixture
def owner(token):
    return User.objects.get(email=EMAIL)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=6, price=1000)


def delete(client, token):
    return client.delete(URL, headers=bearer(token))


def change(client, token, **values):
    return client.patch(URL, values, content_type="application/json", headers=bearer(token))


def problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return answer.json()


def test_nobody_without_a_login(client, db_ready):
    for method in (client.get, client.delete):
        assert method(URL).status_code == 401


def test_settings_are_shown_and_changed_one_by_one(client, token):
    before = client.get(URL, headers=bearer(token))
    assert (before.status_code, before.json()) == (200, SETTINGS)
    assert before["Cache-Control"] == "private, no-store"
    given = {"display_name": " 홍길동 ", "phone": "+82 (10) 1234-5678", "extra_time": True}
    answer = change(client, token, **given)
    changed = {**SETTINGS, "display_name": "홍길동", "phone": "+821012345678", "extra_time": True}
    assert (answer.status_code, answer.json()) == (200, changed)
    assert change(client, token, language="en").json() == {**changed, "language": "en"}
    assert change(client, token, phone="").json()["phone"] == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("display_name", "x" * 101),
        ("language", "fr"),
        ("phone", "call me"),
        ("phone", "1" * 16),
        ("extra_time", "perhaps"),
        ("email", "other@example.com"),
        ("is_staff", True),
    ],
)
def test_a_wrong_value_is_named_and_changes_nothing(client, token, name, value):
    found = problem(
        change(client, token, **{"phone": "0212345678"} | {name: value}), 400, "validation_failed"
    )
    assert [one["pointer"] for one in found["errors"]] == [f"/{name}"]
    assert client.get(URL, headers=bearer(token)).json() == SETTINGS


def test_a_deleted_account_is_nobody(client, token, owner):
    api_keys.make(
        key_id=uuid7(),
        name="scanner",
        scopes=["checkins:write"],
        performance_ids=[],
        expires_at=None,
        actor_id=owner.pk,
        reason="",
        now=clock.now(),
    )
    tokens = log_in().json()["meta"]
    User.objects.filter(pk=owner.pk).update(display_name="Me", phone="0212345678")
    mail.outbox.clear()
    assert delete(client, tokens["access_token"]).status_code == 204
    gone = User.objects.get(pk=owner.pk)
    assert (gone.email, gone.display_name, gone.phone) == (None, "", "")
    assert (gone.is_active, gone.has_usable_password(), gone.last_login) == (False, False, None)
    assert not EmailAddress.objects.filter(user=gone).exists()
    assert not Session.objects.filter(user_id=gone.pk).exists()
    assert not RefreshToken.objects.exists()
    assert own_points(tokens["access_token"]).status_code == 401
    assert own_points(token).status_code == 401
    assert refresh(tokens["refresh_token"]).status_code in (400, 401)
    assert ApiKey.objects.get().revoked_at is not None
    assert log_in().status_code == 400
    assert [letter.to for letter in mail.outbox] == [[EMAIL]]
    # The address is free, and staff don't bring the account back.
    assert people.unlock(user_ids=[gone.pk], actor_id=gone.pk, reason="", now=clock.now()) == 0
    assert new_fan(EMAIL)
    assert User.objects.get(email=EMAIL).pk != gone.pk


def test_a_login_of_long_ago_has_to_prove_itself_again(client, token, owner, monkeypatch):
    time = Time(monkeypatch)
    meta = log_in().json()["meta"]
    time.pass_by(299)
    assert own_account.is_recent(
        user_id=owner.pk, session_id=sid_in(meta["access_token"]), now=time.now
    )
    time.pass_by(2)
    again = refresh(meta["refresh_token"]).json()["data"]["access_token"]
    problem(delete(client, again), 403, "reauthentication_required")
    reauthenticate(again, PASSWORD)
    assert delete(client, again).status_code == 204


def test_staff_keep_their_accounts(client, token, owner):
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    problem(delete(client, token), 409, "staff_account")


def test_a_live_hold_keeps_the_account_until_it_is_given_back(client, token, owner, performance):
    hold = place(owner, performance, factories.seat_ids(performance)[:1], now=clock.now())
    found = problem(delete(client, token), 409, "account_in_use")
    assert (found["holds"], found["payments"], found["tickets"]) == ([str(hold.id)], [], [])
    holds.release(reservation_id=hold.id, user_id=owner.pk, now=clock.now())
    assert delete(client, token).status_code == 204


def test_a_ticket_of_a_coming_performance_keeps_it_and_one_of_the_past_stays_without_a_name(
    client, token, owner, performance
):
    give_points(owner, 10_000)
    hold = place(owner, performance, factories.seat_ids(performance)[:1], now=clock.now())
    begin(owner, hold.id)
    found = problem(delete(client, token), 409, "account_in_use")
    ticket = Ticket.objects.get()
    assert (found["holds"], found["tickets"]) == ([], [str(ticket.pk)])
    Performance.objects.update(starts_at=clock.now() - timedelta(hours=7))
    assert delete(client, token).status_code == 204
    assert Ticket.objects.get(pk=ticket.pk).user_id == owner.pk
    assert Payment.objects.get().status == "PAID"


def test_a_payment_that_may_still_move_money_keeps_it(client, token, owner, performance):
    hold = place(owner, performance, factories.seat_ids(performance)[:1], now=clock.now())
    made = Payment.objects.create(
        user=owner,
        reservation_id=hold.id,
        method="CARD",
        status="UNKNOWN",
        amount=1000,
        points_amount=0,
        request_key="k",
        created_at=clock.now(),
        id=uuid7(),
    )
    holds_ended = clock.now() + timedelta(hours=1)
    with pytest.raises(account.AccountInUse) as refused:
        account.check_unused(user_id=owner.pk, now=holds_ended)
    assert refused.value.extras == {"holds": [], "payments": [made.pk], "tickets": []}


def test_a_token_of_nobodys_login_is_never_recent(client, owner, as_fan):
    answer = as_fan(owner).delete(URL)
    problem(answer, 403, "reauthentication_required")
