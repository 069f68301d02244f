"""Staff change e-mail addresses and passwords: everything follows, and the person gets a mail."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts import operations
from accounts.models import AuditEntry, Session, User
from tests.support import factories
from tests.support.login_api import PASSWORD, call, code_in, email_addresses, log_in, new_fan
from tests.support.security_events import security_events

pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def staff(db_ready):
    member = factories.make_user(email="staff@example.com", password=PASSWORD, is_staff=True)
    member.groups.set(Group.objects.filter(name="staff"))
    client = Client(headers={"Accept-Language": "en"})
    client.post(reverse("admin:login"), {"username": member.email, "password": PASSWORD})
    return client


def give(staff, fan, email, **fields):
    url = reverse("admin:accounts_user_change", args=[fan.pk])
    return staff.post(url, {"email": email, "display_name": "", "_save": "1"} | fields)


def test_a_new_address_takes_everything_with_it(staff, mailoutbox):
    new_fan("old@example.com")
    fan = User.objects.get(email="old@example.com")
    EmailAddress.objects.create(user=fan, email="second@example.com", verified=True)
    with security_events() as recorded:
        answer = give(staff, fan, "New@bücher.example", reason="called, showed a passport")
    assert answer.status_code == 302
    assert not Session.objects.filter(user_id=fan.pk).exists()
    for gone in ("old@example.com", "second@example.com"):
        assert log_in(gone).status_code == 400
    token = log_in("new@bücher.example").json()["meta"]["access_token"]
    assert email_addresses(token) == [("new@xn--bcher-kva.example", True, True)]
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.reason) == ("accounts.change_email", "called, showed a passport")
    assert entry.changes["email"]["to"] == "new@xn--bcher-kva.example"
    assert {letter.to[0] for letter in mailoutbox} == {
        "old@example.com",
        "second@example.com",
        "new@xn--bcher-kva.example",
    }
    assert [event["event"] for event in recorded.events] == ["email_changed_by_staff"]


def test_a_code_mailed_to_the_old_address_is_worth_nothing_any_more(staff, mailoutbox):
    fan = factories.make_user(email="old@example.com", password=PASSWORD)
    asked = call("POST", "auth/password/request", {"email": "old@example.com"})
    key, session = code_in(mailoutbox[0]), asked.json()["meta"]["session_token"]
    give(staff, fan, "new@example.com")
    body = {"key": key, "password": "stolen-lantern-99"}
    assert call("POST", "auth/password/reset", body, session=session).status_code == 409
    assert log_in("new@example.com").status_code == 200
    mailoutbox.clear()
    call("POST", "auth/password/request", {"email": "old@example.com"})
    assert "has no account" in mailoutbox[0].body


@pytest.mark.control
def test_without_that_look_the_old_code_still_sets_the_password(staff, mailoutbox, monkeypatch):
    monkeypatch.setattr("accounts.api.inputs.drop_stale_reset", lambda request: None)
    fan = factories.make_user(email="old@example.com", password=PASSWORD)
    asked = call("POST", "auth/password/request", {"email": "old@example.com"})
    key, session = code_in(mailoutbox[0]), asked.json()["meta"]["session_token"]
    give(staff, fan, "new@example.com")
    body = {"key": key, "password": "stolen-lantern-99"}
    call("POST", "auth/password/reset", body, session=session)
    assert log_in("new@example.com", "stolen-lantern-99").status_code == 200


@pytest.mark.parametrize("email", ["taken@bücher.example", "f\u0430n@example.com", ""])
def test_an_address_that_is_taken_or_none_is_refused_in_the_form(staff, email):
    factories.make_user(email="taken@xn--bcher-kva.example")
    fan = factories.make_user(email="old@example.com")
    answer = give(staff, fan, email)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["email"]
    fan.refresh_from_db()
    assert fan.email == "old@example.com"


def test_an_address_taken_meanwhile_undoes_the_whole_form(staff, monkeypatch):
    other = factories.make_user()
    EmailAddress.objects.create(user=other, email="taken@example.com", verified=True)
    fan = factories.make_user(email="old@example.com")
    monkeypatch.setattr("accounts.queries.is_email_taken", lambda *_, **__: False)
    give(staff, fan, "taken@example.com", display_name="new name")
    page = staff.get(reverse("admin:accounts_user_changelist"))
    assert str(operations.EmailTaken.message) in page.content.decode()
    assert not AuditEntry.objects.exists()
    fan.refresh_from_db()
    assert (fan.email, fan.display_name) == ("old@example.com", "")


def test_another_field_leaves_the_address_alone(staff, mailoutbox):
    fan = factories.make_user(email="fan@example.com", password=PASSWORD)
    give(staff, fan, "FAN@example.com", display_name="New")
    fan.refresh_from_db()
    assert (fan.email, fan.display_name) == ("fan@example.com", "New")
    assert [entry.action for entry in AuditEntry.objects.all()] == ["accounts.user.changed"]
    assert mailoutbox == []


def test_who_signed_up_and_proved_nothing_can_be_given_an_address(staff, settings):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True
    call("POST", "auth/signup", {"email": "claim@example.com", "password": PASSWORD})
    claim = User.objects.get(email=None)
    assert give(staff, claim, "", display_name="x").status_code == 302
    assert give(staff, claim, "claim@example.com").status_code == 302
    assert log_in("claim@example.com").status_code == 200


def test_a_password_set_by_staff_is_announced_to_the_person(staff, mailoutbox):
    fan = factories.make_user(email="fan@example.com", password=PASSWORD)
    url = reverse("admin:auth_user_password_change", args=[fan.pk])
    words = {"password1": "green-lantern-12", "password2": "green-lantern-12"}
    with security_events() as recorded:
        staff.post(url, words | {"usable_password": "true", "set-password": "1"})
    assert [letter.to for letter in mailoutbox] == [["fan@example.com"]]
    assert [event["event"] for event in recorded.events] == ["password_set_by_staff"]


def test_staff_change_their_own_password_and_every_other_login_ends(staff, mailoutbox):
    other = log_in("staff@example.com").json()["meta"]["access_token"]
    url = reverse("admin:password_change")
    words = {"new_password1": "green-lantern-12", "new_password2": "green-lantern-12"}
    wrong = staff.post(url, words | {"old_password": "wrong-harbour-1"})
    assert wrong.status_code == 200
    done = staff.post(url, words | {"old_password": PASSWORD})
    assert done.status_code == 302
    assert staff.get(reverse("admin:index")).status_code == 200
    assert [letter.to for letter in mailoutbox] == [["staff@example.com"]]
    assert call("GET", "account/email", token=other).status_code == 410
    assert log_in("staff@example.com", "green-lantern-12").status_code == 200
