"""Signing in by the provider: the whole way there and back, and what it leaves."""

import json
import logging
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.test import Client

from accounts import oidc
from accounts.models import Session, User
from accounts.sessions import FanSessionStore
from kernel.http.page_addresses import is_page
from tests.pages.browsing import forms_of, send, text_of
from tests.pages.signing_in import HOME, LOGIN, SIGNUP, START, button, query_of, sign_in, start
from tests.support.login_api import call
from tests.support.oidc_provider import CLIENT_SECRET, PERSON

HANGUL = re.compile(r"[가-힣]")
EMAIL = PERSON["email"]


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


def test_a_new_person_signs_up_by_the_provider_and_comes_back_by_it(browser, provider):
    back = sign_in(browser, provider, f"{SIGNUP}?next=/en/me/points/")
    assert (back.status_code, back.headers["Location"]) == (302, "/en/me/points/")
    assert browser.get("/en/me/points/").status_code == 200
    user = User.objects.get()
    assert (user.email, user.language, user.has_usable_password()) == (EMAIL, "en", False)
    assert EmailAddress.objects.get(user=user).verified
    row = SocialAccount.objects.get()
    assert (row.user_id, row.provider, row.uid) == (user.pk, "test", PERSON["sub"])
    assert row.extra_data == {"email": EMAIL}
    assert (SocialToken.objects.count(), SocialApp.objects.count()) == (0, 0)
    other = Client(enforce_csrf_checks=True)
    assert sign_in(other, provider).headers["Location"] == "/en/"
    assert other.get("/en/me/").status_code == 200
    assert User.objects.count() == 1
    assert Session.objects.filter(user_id=user.pk, purpose="fan").count() == 2


def test_the_start_has_state_nonce_and_pkce_new_each_time(browser, provider):
    first, second = (query_of(start(browser)) for _ in range(2))
    for asked in (first, second):
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "profile", "email"}
        assert asked["redirect_uri"] == "http://testserver/en/account/provider/callback/"
        assert CLIENT_SECRET not in json.dumps(asked)
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 16
        assert first[name] != second[name]


def test_what_an_address_adds_changes_nothing_of_the_start(browser, provider):
    """allauth's own view takes scope, process and parameters from a link."""
    form = button(browser.get(LOGIN))
    form.action += "?scope=admin&process=redirect&auth_params=redirect_uri%3Dhttps://evil.example"
    asked = query_of(send(browser, form).headers["Location"])
    assert asked["redirect_uri"].startswith("http://testserver/")
    assert "admin" not in asked["scope"]


def test_it_begins_by_a_form_with_its_token_alone(browser, provider):
    assert browser.get(START).status_code == 405
    assert browser.post(START).status_code == 403
    assert Session.objects.count() == 0


@pytest.mark.parametrize("path", [LOGIN, SIGNUP, f"{HOME}failed/?reason=expired"])
def test_the_policy_of_pages_with_the_button_names_the_provider(browser, provider, path):
    policy = browser.get(path).headers["Content-Security-Policy"]
    [allowed] = re.findall(r"form-action ([^;]*)", policy)
    assert provider.url in allowed.split()
    assert "default-src 'none'" in policy  # the rest is as on other pages
    assert (
        provider.url
        not in browser.get("/en/account/password/reset/").headers["Content-Security-Policy"]
    )


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_it_names_itself_as_the_provider_asks(browser, provider, auth):
    provider.tell(auth=auth)
    assert sign_in(browser, provider).headers["Location"] == "/en/"


def test_userinfo_is_not_asked_for_where_the_id_token_says_all(browser, provider):
    before = provider.tell("all in the ID token").count("/userinfo")
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert provider.tell().count("/userinfo") == before


def test_discovery_and_keys_are_asked_for_once_and_a_new_key_again(browser, provider):
    before = provider.tell()
    for _ in range(2):
        sign_in(Client(), provider)
    asked = provider.tell("unknown key")[len(before) :]
    assert [asked.count(path) for path in ("/.well-known/openid-configuration", "/jwks")] == [1, 1]
    sign_in(Client(), provider)
    assert provider.tell()[len(before) :].count("/jwks") == 2


def test_who_is_logged_in_is_not_sent_there(browser, provider):
    form = button(browser.get(LOGIN))
    sign_in(browser, provider)
    token = browser.cookies["csrftoken"].value
    sent = browser.post(form.action, {"csrfmiddlewaretoken": token, "next": "/en/me/"})
    assert sent.headers["Location"] == "/en/me/"
    assert browser.get(LOGIN).status_code == 302


def test_it_leads_to_no_other_site(browser, provider):
    back = sign_in(browser, provider, f"{LOGIN}?next=https://evil.example/")
    assert back.headers["Location"] == "/en/"


def test_no_secret_is_written_down_or_kept(browser, provider, caplog):
    caplog.set_level(logging.INFO)
    url = start(browser)
    code = query_of(provider.follow(url))["code"]
    browser.get(provider.follow(url))
    provider.tell("500 /token")
    sign_in(Client(), provider)
    provider.tell("signature")
    sign_in(Client(), provider)
    said = "\n".join(f"{one.getMessage()} {one.__dict__} {one.exc_info}" for one in caplog.records)
    assert "sign-in by the provider failed" in said
    for secret in (CLIENT_SECRET, code, "eyJ", query_of(url)["nonce"]):
        assert secret not in said
    for row in Session.objects.all():
        kept = json.dumps(FanSessionStore().decode(row.session_data))
        assert "eyJ" not in kept
        assert CLIENT_SECRET not in kept


def test_pages_read_in_both_languages(browser, provider):
    for path in ("login/", "provider/failed/?reason=taken"):
        korean = text_of(browser.get(f"/ko/account/{path}"))
        english = text_of(browser.get(f"/en/account/{path}"))
        assert HANGUL.search(korean)
        assert "길벗" in korean
        assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+", korean), korean
        assert HANGUL.findall(english.replace("한국어", "")) == []
        assert "Companion" in english
    korean = sign_in(browser, provider, "/ko/account/login/")
    assert korean.headers["Location"] == "/ko/"


# --- nothing set


@pytest.mark.parametrize("path", ["", "login/", "callback/?code=a&state=b", "failed/?reason=taken"])
def test_where_none_is_set_nothing_answers(browser, db_ready, path):
    for method in ("get", "post"):
        client = Client()
        assert getattr(client, method)(f"{HOME}{path}").status_code == 404


def test_where_none_is_set_there_is_no_button(browser, mine):
    for page in (browser.get(LOGIN), browser.get(SIGNUP), mine.get("/en/me/account/")):
        assert page.status_code == 200
        assert "/account/provider/" not in page.text
    assert "'self'" in browser.get(LOGIN).headers["Content-Security-Policy"]


def test_a_row_makes_no_provider(browser, db_ready):
    SocialApp.objects.create(
        provider="openid_connect", provider_id="row", name="Row", client_id="a", secret="b",
        settings={"server_url": "http://127.0.0.1:1"},
    )  # fmt: skip
    assert Client().post(START).status_code == 404
    assert "Row" not in browser.get(LOGIN).text


# --- the app API


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "account/providers"),
        ("POST", "auth/provider/redirect"),
        ("POST", "auth/provider/token"),
        ("POST", "auth/provider/signup"),
    ],
)
def test_the_app_api_has_no_call_for_providers(provider, method, path):
    body = None if method == "GET" else {"provider": "test", "process": "login", "token": {}}
    assert call(method, path, body).status_code == 404


def test_the_app_api_tells_nothing_of_the_provider(provider):
    asked = [call("GET", "config"), call("GET", "auth/session")]
    asked.append(call("POST", "auth/login", {"email": EMAIL, "password": "x-wrong-pass-1"}))
    for one in asked:
        assert "provider_token" not in one.text
        assert provider.url not in one.text
    assert "auth/provider" not in Client().get("/_allauth/openapi.json").text


def test_the_addresses_are_pages():
    assert is_page("/ko/account/provider/callback/")


def test_the_providers_page_is_no_origin_that_the_policy_lacks(browser, provider, settings, caplog):
    settings.OIDC_PROVIDER = provider.settings | {"origins": ["https://elsewhere.example"]}
    sent = send(browser, button(browser.get(LOGIN)))
    assert "reason=unavailable" in sent.headers["Location"]
    assert "OIDC_PAGE_ORIGINS" in [
        word for one in caplog.records for word in str(one.__dict__.get("detail", "")).split()
    ]


def test_forms_of_a_page_are_two(browser, provider):
    assert [form.action for form in forms_of(browser.get(LOGIN))] == [LOGIN, START]
    assert oidc.configured()["id"] == "test"
