"""The pages of one's account: settings, logins, the download and the end."""

import re

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Session, User
from kernel import clock
from kernel.rate_limiting import throttle
from tests.pages.browsing import form_with, forms_of, send, text_of
from tests.support import factories
from tests.support.holding import place
from tests.support.login_api import EMAIL, PASSWORD, Time, log_in, own_points

HANGUL = re.compile(r"[가-힣]")
ACCOUNT = "/en/me/account/"
DELETE = f"{ACCOUNT}delete/"
DATA = f"{ACCOUNT}data.json"


@pytest.fixture
def owner(db_ready) -> User:
    throttle.forget_callers()
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def browser(owner) -> Client:
    """A browser that has just logged in."""
    browser = Client(enforce_csrf_checks=True)
    page = browser.get("/en/account/login/")
    assert send(browser, forms_of(page)[0], login=EMAIL, password=PASSWORD).status_code == 302
    return browser


def settings_form(page):
    [form] = [form for form in forms_of(page) if form.action.endswith("/me/account/")]
    return form


def test_settings_are_kept_and_shown_again(browser, owner):
    form = settings_form(browser.get(ACCOUNT))
    saved = send(
        browser,
        form,
        display_name="Hong Gildong",
        phone="010-1234-5678",
        language="en",
        extra_time="on",
    )
    assert saved.status_code == 303
    owner.refresh_from_db()
    assert (owner.display_name, owner.phone) == ("Hong Gildong", "01012345678")
    assert (owner.language, owner.extra_time) == ("en", True)
    page = browser.get(saved.headers["Location"])
    assert "Your settings are saved" in text_of(page)
    assert settings_form(page).fields["extra_time"] == ["on"]
    # A box that is not ticked is sent as nothing at all.
    form = settings_form(page)
    del form.fields["extra_time"]
    send(browser, form, language="en")
    owner.refresh_from_db()
    assert owner.extra_time is False


def test_a_wrong_number_is_named_beside_its_field_and_nothing_is_lost(browser, owner):
    form = settings_form(browser.get(ACCOUNT))
    page = send(browser, form, display_name="Typed", phone="call me", language="ko")
    assert page.status_code == 200
    assert "7 to 15 digits" in text_of(page)
    assert settings_form(page).fields["display_name"] == ["Typed"]
    owner.refresh_from_db()
    assert owner.display_name == ""


def test_logins_are_listed_and_one_or_all_end(browser, owner):
    app = log_in().json()["meta"]["access_token"]
    page = browser.get(f"{ACCOUNT}logins/")
    said = text_of(page)
    assert "A web browser (this one)" in said
    assert "An app" in said
    out = send(browser, form_with(page, "one"), "one")
    assert out.status_code == 303
    assert own_points(app).status_code == 401
    assert Session.objects.filter(user_id=owner.pk).count() == 1
    again = log_in().json()["meta"]["access_token"]
    page = browser.get(f"{ACCOUNT}logins/")
    gone = send(browser, form_with(page, "all"), "all")
    assert gone.headers["Location"] == "/en/account/login/"
    assert not Session.objects.filter(user_id=owner.pk).exists()
    assert own_points(again).status_code == 401
    assert browser.get(ACCOUNT).status_code == 302


def test_nobody_ends_a_login_of_somebody_else(browser, owner, browser_of):
    other = browser_of(factories.make_user())
    form = form_with(other.get(f"{ACCOUNT}logins/"), "all")
    mine = Session.objects.get(user_id=owner.pk)
    other.post(form.action, {**form.fields, "action": "one", "login": mine.sid})
    assert Session.objects.filter(pk=mine.pk).exists()


def test_the_download_is_a_file_of_ones_own(browser, owner):
    answer = browser.get(DATA)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json()["person"] == str(owner.pk)


@pytest.mark.parametrize("path", [DATA, DELETE])
def test_a_login_of_long_ago_confirms_first_and_then_goes_on(browser, monkeypatch, path):
    Time(monkeypatch).pass_by(301)
    first = browser.get(path)
    assert first.status_code == 303
    page = browser.get(first.headers["Location"])
    done = send(browser, forms_of(page)[0], password=PASSWORD)
    assert (done.status_code, done.headers["Location"]) == (302, path)
    assert browser.get(path).status_code == 200


def test_the_form_to_delete_does_nothing_with_a_login_of_long_ago(browser, owner, monkeypatch):
    form = forms_of(browser.get(DELETE))[0]
    Time(monkeypatch).pass_by(301)
    assert send(browser, form, agreed="on").status_code == 303
    assert User.objects.get(pk=owner.pk).closed_at is None


def test_deleting_needs_consent_and_ends_everything(browser, owner):
    form = forms_of(browser.get(DELETE))[0]
    unsure = send(browser, form)
    assert "Please confirm" in text_of(unsure)
    assert User.objects.get(pk=owner.pk).closed_at is None
    gone = send(browser, form, agreed="on")
    assert gone.headers["Location"] == "/en/pages/goodbye/"
    assert browser.get(gone.headers["Location"]).status_code == 200
    assert gone.cookies[settings.LOGIN_COOKIE_NAME].value == ""
    assert User.objects.get(pk=owner.pk).email is None
    assert browser.get(ACCOUNT).status_code == 302


def test_what_is_open_is_listed_with_the_way_to_it(browser, owner):
    performance = factories.make_performance(seats=2)
    hold = place(owner, performance, factories.seat_ids(performance)[:1], now=clock.now())
    page = browser.get(DELETE)
    assert page.status_code == 409
    assert f"/en/checkout/{hold.id}/" in page.text
    assert "still in use" in text_of(page)
    assert send(browser, forms_of(page)[0], agreed="on").status_code == 409
    assert User.objects.get(pk=owner.pk).closed_at is None


@pytest.mark.parametrize("path", ["", "logins/", "delete/"])
def test_the_pages_read_in_both_languages(browser, path):
    korean = text_of(browser.get(f"/ko/me/account/{path}"))
    english = text_of(browser.get(f"/en/me/account/{path}"))
    assert HANGUL.search(korean)
    assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", korean), korean
    assert HANGUL.findall(english.replace("한국어", "")) == []


def test_the_checkout_says_where_more_time_is_asked_for(browser, owner):
    performance = factories.make_performance(seats=2)
    hold = place(owner, performance, factories.seat_ids(performance)[:1], now=clock.now())
    assert ACCOUNT in browser.get(f"/en/checkout/{hold.id}/").text
