"""An account and the sign-in provider: connect, disconnect, and all that holds for other logins."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client

from accounts import operations
from accounts.models import Session, User
from accounts.usecases import people, providers
from kernel import clock
from kernel.db.transaction import transaction
from kernel.rate_limiting import throttle
from personal.export import export
from personal.usecases import account
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.pages.signing_in import HOME, LOGIN, reason_of, sign_in
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import EMAIL, PASSWORD, Time, log_in, own_points
from tests.support.oidc_provider import PERSON
from tests.support.security_events import security_events

SUBJECT = {"provider": "test", "subject": PERSON["sub"]}


@pytest.fixture
def owner(db_ready) -> User:
    throttle.forget_callers()
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def browser(owner) -> Client:
    """A browser that has just logged in by the password."""
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(LOGIN)
    assert send(browser, forms_of(page)[0], login=EMAIL, password=PASSWORD).status_code == 302
    return browser


def connect(owner: User) -> None:
    providers.connect(user_id=owner.pk, email=PERSON["email"], now=clock.now(), **SUBJECT)


def go_and_connect(browser, provider):
    """Connect as a person does; return the response to coming back."""
    sent = send(browser, form_with(browser.get(HOME), "connect"), "connect")
    assert sent.headers["Location"].startswith(provider.url), sent.headers
    return browser.get(provider.follow(sent.headers["Location"]))


# --- connect


def test_an_account_is_connected_and_opens_by_it(browser, provider, owner):
    assert HOME in browser.get("/en/me/account/").text
    with security_events() as recorded:
        assert go_and_connect(browser, provider).headers["Location"] == HOME
    assert [one["event"] for one in recorded.events] == ["provider_connected"]
    assert PERSON["email"] in text_of(browser.get(HOME))
    assert [letter.to for letter in mail.outbox] == [[EMAIL]]
    other = Client(enforce_csrf_checks=True)
    assert sign_in(other, provider).headers["Location"] == "/en/"
    assert User.objects.count() == 1
    owner.refresh_from_db()
    assert owner.email == EMAIL  # the provider's address is only shown


def test_any_address_at_the_provider_will_do_for_who_is_logged_in(browser, provider, owner):
    provider.tell(person={"sub": PERSON["sub"], "email": "x@example.com", "email_verified": False})
    assert go_and_connect(browser, provider).headers["Location"] == HOME
    assert SocialAccount.objects.get().extra_data == {}
    assert "connected to Companion." in text_of(browser.get(HOME))


def test_what_opens_another_account_is_not_connected(browser, provider, owner):
    other = factories.make_user()
    providers.connect(user_id=other.pk, email="", now=clock.now(), **SUBJECT)
    back = go_and_connect(browser, provider)
    assert reason_of(back) == "provider_taken"
    assert SocialAccount.objects.get().user_id == other.pk
    page = browser.get(back.headers["Location"])
    assert "opens another account" in text_of(page)
    assert HOME in page.text


def test_an_account_is_connected_to_one_at_a_time(browser, provider, owner):
    page = browser.get(HOME)
    connect(owner)
    connect(owner)  # again: nothing
    provider.tell(person=PERSON | {"sub": "person-2"})
    form = form_with(page, "connect")
    assert send(browser, form, "connect").status_code == 200  # it says that it is connected
    SocialAccount.objects.all().delete()
    sent = send(browser, form, "connect").headers["Location"]
    connect(owner)  # meanwhile, in another tab
    assert reason_of(browser.get(provider.follow(sent))) == "provider_connected"
    assert SocialAccount.objects.get().uid == PERSON["sub"]


def test_connecting_needs_a_recent_login_at_its_start_and_its_end(browser, provider, monkeypatch):
    time = Time(monkeypatch)
    form = form_with(browser.get(HOME), "connect")
    sent = send(browser, form, "connect").headers["Location"]
    time.pass_by(301)
    again = browser.get(provider.follow(sent))
    assert again.headers["Location"].startswith("/en/account/reauthenticate/?next=")
    assert not SocialAccount.objects.exists()
    assert browser.get(HOME).headers["Location"].startswith("/en/account/reauthenticate/")
    assert send(browser, form, "connect").headers["Location"].startswith("/en/account/reauth")


@pytest.mark.control
def test_control_without_a_recent_login_a_forgotten_browser_connects(
    browser, provider, monkeypatch
):
    time = Time(monkeypatch)
    sent = send(browser, form_with(browser.get(HOME), "connect"), "connect").headers["Location"]
    time.pass_by(301)
    monkeypatch.setattr("accounts.own_account.is_recent", lambda **_: True)
    browser.get(provider.follow(sent))
    assert SocialAccount.objects.exists()


def test_who_logged_out_meanwhile_connects_nothing(browser, provider, owner):
    sent = send(browser, form_with(browser.get(HOME), "connect"), "connect").headers["Location"]
    Session.objects.filter(user_id=owner.pk).delete()
    assert reason_of(browser.get(provider.follow(sent))) == "expired"
    assert not SocialAccount.objects.exists()


# --- disconnect


def test_disconnecting_ends_the_way_in_and_every_other_login(browser, provider, owner):
    connect(owner)
    other = Client(enforce_csrf_checks=True)
    sign_in(other, provider)
    app = log_in().json()["meta"]["access_token"]
    mail.outbox.clear()
    done = send(browser, form_with(browser.get(HOME), "disconnect"), "disconnect")
    assert done.headers["Location"] == HOME
    assert form_with(browser.get(HOME), "connect")
    assert other.get("/en/me/").status_code == 302
    assert own_points(app).status_code == 401
    assert [letter.to for letter in mail.outbox] == [[EMAIL]]
    provider.tell(person=PERSON | {"email": EMAIL})
    assert reason_of(sign_in(Client(), provider)) == "taken"


def test_the_last_way_in_stays(provider):
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, provider)
    page = browser.get(HOME)
    assert "only way in" in text_of(page)
    token = browser.cookies["csrftoken"].value
    sent = {"csrfmiddlewaretoken": token, "action": "disconnect"}
    refused = browser.post(HOME, sent)
    assert refused.status_code == 409
    assert "Set a password first" in text_of(refused)
    assert SocialAccount.objects.exists()
    # The way to a password goes by the mailbox.
    change = browser.get("/en/account/password/change/")
    assert change.headers["Location"] == "/en/account/password/set/"
    assert browser.get("/en/account/password/set/").headers["Location"] == (
        "/en/account/password/reset/"
    )


@pytest.mark.control
def test_control_without_the_rule_nothing_opens_the_account(provider, monkeypatch):
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, provider)
    monkeypatch.setattr(User, "has_usable_password", lambda self: True)
    send(browser, form_with(browser.get(HOME), "disconnect"), "disconnect")
    monkeypatch.undo()
    assert reason_of(sign_in(Client(), provider)) == "taken"
    assert not User.objects.get().has_usable_password()


def test_nobody_disconnects_somebody_else(browser, provider, owner):
    other = factories.make_user()
    providers.connect(user_id=other.pk, email="", now=clock.now(), **SUBJECT)
    token = browser.cookies["csrftoken"].value
    browser.post(HOME, {"csrfmiddlewaretoken": token, "action": "disconnect"})
    assert SocialAccount.objects.get().user_id == other.pk


@pytest.mark.parametrize("action", ["", "remove", "CONNECT"])
def test_a_form_without_one_of_its_buttons_does_nothing(browser, provider, owner, action):
    connect(owner)
    token = browser.cookies["csrftoken"].value
    assert browser.post(HOME, {"csrfmiddlewaretoken": token, "action": action}).status_code == 200
    assert SocialAccount.objects.exists()


# --- what holds for every login


def test_the_second_factor_is_asked_for_after_this_way_in(provider, owner):
    connect(owner)
    device = Device()
    device.set_up(owner)
    browser = Client(enforce_csrf_checks=True)
    first = sign_in(browser, provider, f"{LOGIN}?next=/en/me/points/")
    assert first.headers["Location"].startswith("/en/account/2fa/authenticate/")
    assert browser.get("/en/me/").status_code == 302
    page = browser.get(first.headers["Location"])
    assert send(browser, forms_of(page)[0], code="000000").status_code == 200
    assert browser.get("/en/me/").status_code == 302
    done = send(browser, forms_of(page)[0], code=device.code())
    assert done.headers["Location"] == "/en/me/points/"
    assert browser.get("/en/me/").status_code == 200


def test_the_code_is_counted_there_too(provider, owner):
    connect(owner)
    device = Device()
    device.set_up(owner)
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(sign_in(browser, provider).headers["Location"])
    for _ in range(10):
        send(browser, forms_of(page)[0], code="000000")
    refused = send(browser, forms_of(page)[0], code=device.code())
    assert "Too many" in text_of(refused)
    assert browser.get("/en/me/").status_code == 302


@pytest.mark.control
def test_control_logged_in_past_the_steps_no_code_is_asked_for(provider, owner, monkeypatch):
    connect(owner)
    Device().set_up(owner)
    stages = "accounts.adapter.AccountAdapter.get_login_stages"
    monkeypatch.setattr(stages, lambda self: [])
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert browser.get("/en/me/").status_code == 200


def test_a_locked_account_stays_shut(provider, owner):
    connect(owner)
    boss = factories.make_user(is_staff=True)
    people.lock_out(user_ids=[owner.pk], actor_id=boss.pk, reason="a test", now=clock.now())
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, provider).headers["Location"] == "/en/account/inactive/"
    assert not Session.objects.filter(user_id=owner.pk).exists()
    assert browser.get("/en/me/").status_code == 302


@pytest.mark.control
def test_control_without_the_look_at_it_the_save_of_the_session_still_refuses(
    provider, owner, monkeypatch
):
    connect(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    monkeypatch.setattr("accounts.adapter.AccountAdapter.pre_login", lambda *_, **__: None)
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, provider).status_code == 400
    assert not Session.objects.filter(user_id=owner.pk).exists()


def test_a_login_that_was_ended_stays_ended_and_the_list_has_it(provider, owner):
    connect(owner)
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, provider)
    page = browser.get("/en/me/account/logins/")
    assert "A web browser (this one)" in text_of(page)
    send(browser, form_with(page, "all"), "all")
    assert browser.get("/en/me/").status_code == 302


def test_a_closed_account_lets_the_provider_go(browser, provider, owner):
    connect(owner)
    session = Session.objects.get(user_id=owner.pk)
    account.delete(user_id=owner.pk, session_id=session.sid, now=clock.now())
    assert not SocialAccount.objects.exists()
    new = Client(enforce_csrf_checks=True)
    assert sign_in(new, provider).headers["Location"] == "/en/"
    assert User.objects.get(is_active=True).pk != owner.pk


def test_another_address_given_by_staff_lets_it_go_too(provider, owner):
    connect(owner)
    boss = factories.make_user(is_staff=True, is_superuser=True)
    with transaction():
        operations.change_email(
            user_id=owner.pk, email="new@example.com", actor_id=boss.pk, reason="x", now=clock.now()
        )
    assert not SocialAccount.objects.exists()


def test_it_is_in_the_copy_of_everything_that_is_kept(provider, owner):
    connect(owner)
    [row] = export(user_id=owner.pk, now=clock.now())["kept"]["socialaccount.SocialAccount"]
    assert (row["provider"], row["uid"]) == ("test", PERSON["sub"])
    assert row["extra_data"] == {"email": PERSON["email"]}
