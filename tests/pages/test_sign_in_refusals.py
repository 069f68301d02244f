"""What comes back from the provider and opens nothing: each guard, and without it the failure."""

import time

import jwt
import pytest
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts import id_tokens, oidc, oidc_calls
from accounts.models import Session, User
from accounts.oidc_calls import provider_http
from tests.pages.browsing import forms_of, send, text_of
from tests.pages.signing_in import LOGIN, button, query_of, reason_of, sign_in, start
from tests.support import factories
from tests.support.login_api import PASSWORD
from tests.support.oidc_provider import PERSON, running_provider
from tests.support.security_events import security_events

EMAIL = PERSON["email"]
OTHERS_CLIENT = {"aud": "another-client"}


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


def is_nobody(browser: Client) -> bool:
    """Say whether nobody is logged in, and nobody was made."""
    return browser.get("/en/me/").status_code == 302 and not SocialAccount.objects.exists()


# --- what proves nobody

WRONG = [
    (["signature"], {}),
    (["unknown key"], {}),
    (["unsigned"], {}),
    (["HMAC"], {}),
    ([], {"nonce": "another"}),
    ([], {"nonce": None}),
    ([], OTHERS_CLIENT),
    ([], {"aud": ["frontrow-test", "another-client"]}),
    ([], {"azp": "another-client"}),
    ([], {"iss": "https://evil.example"}),
    ([], {"exp": 1_700_000_000}),
    ([], {"iat": 4_000_000_000}),
    ([], {"exp": None}),
    ([], {"sub": None}),
    ([], {"sub": ""}),
    ([], {"sub": "x" * 192}),
]


@pytest.mark.parametrize(("faults", "claims"), WRONG, ids=[str(one) for one in WRONG])
def test_an_id_token_that_is_not_good_opens_nothing(browser, provider, faults, claims):
    provider.tell(*faults, claims=claims)
    assert reason_of(sign_in(browser, provider)) == "failed"
    assert is_nobody(browser)
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    ("fault", "claims", "part"),
    [("signature", {}, "signature"), ("", OTHERS_CLIENT, "aud"), ("", {"nonce": "x"}, "nonce")],
)
@pytest.mark.control
def test_control_without_a_check_it_opens_an_account(
    browser, provider, monkeypatch, fault, claims, part
):
    provider.tell(*filter(None, [fault]), claims=claims)
    decode = jwt.decode

    def careless(*args, **kwargs):
        kwargs["options"] = {**kwargs["options"], f"verify_{part}": False}
        if part == "signature":
            kwargs["options"] |= {"verify_aud": True, "verify_iss": True}
        return decode(*args, **kwargs)

    if part == "nonce":
        monkeypatch.setattr(id_tokens, "_check_rest", lambda *_, **__: None)
    else:
        monkeypatch.setattr(id_tokens.jwt, "decode", careless)
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert User.objects.count() == 1


def test_userinfo_of_another_person_is_not_believed(browser, provider):
    provider.tell(userinfo={"sub": "person-2"})
    assert reason_of(sign_in(browser, provider)) == "failed"
    assert is_nobody(browser)


@pytest.mark.control
def test_control_userinfo_unchecked_gives_an_account_with_anothers_address(
    browser, provider, monkeypatch
):
    provider.tell(userinfo={"sub": "person-2", "email": "victim@example.com"})
    monkeypatch.setattr(oidc.hmac, "compare_digest", lambda *_: True)
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert User.objects.get().email == "victim@example.com"


def test_a_state_of_another_browser_opens_nothing(browser, provider):
    theirs = provider.follow(start(Client(enforce_csrf_checks=True)))
    assert reason_of(browser.get(theirs)) == "expired"
    assert reason_of(browser.get(theirs.split("&state=")[0])) == "expired"
    assert is_nobody(browser)


@pytest.mark.control
def test_control_without_the_state_a_browser_is_logged_in_as_somebody_else(
    browser, provider, monkeypatch
):
    """The attack: a stranger's answer of the provider is put under somebody's nose."""
    kept = {}
    stash, unstash = statekit.stash_state, statekit.unstash_state

    def stash_for_all(request, **given):
        found = stash(request, **given)
        kept[found] = given["state"]
        return found

    monkeypatch.setattr(statekit, "stash_state", stash_for_all)
    monkeypatch.setattr(statekit, "unstash_state", lambda request, **given: kept[given["state_id"]])
    assert unstash is not None
    theirs = provider.follow(start(Client(enforce_csrf_checks=True)))
    assert browser.get(theirs).headers["Location"] == "/en/"
    assert browser.get("/en/me/").status_code == 200


def test_an_answer_counts_once(browser, provider):
    back = provider.follow(start(browser))
    assert browser.get(back).headers["Location"] == "/en/"
    other = Client()
    other.cookies = browser.cookies
    assert reason_of(other.get(back)) == "expired"


def test_a_code_of_another_start_opens_nothing(browser, provider):
    """PKCE: a code that was stolen on its way is of no use in another browser's start."""
    stolen = query_of(provider.follow(start(Client(enforce_csrf_checks=True))))["code"]
    back = provider.follow(start(browser))
    assert reason_of(browser.get(back.replace(query_of(back)["code"], stolen))) == "failed"
    assert is_nobody(browser)


def test_a_start_of_long_ago_has_ended(browser, provider, monkeypatch):
    back = provider.follow(start(browser))
    monkeypatch.setattr(statekit, "STATE_TTL", -1)
    assert reason_of(browser.get(back)) == "expired"


# --- whose address it is


@pytest.mark.parametrize("said", [False, None, "false", "yes", 1.5])
def test_an_address_that_the_provider_has_not_verified_makes_no_account(browser, provider, said):
    provider.tell(person=PERSON | {"email_verified": said})
    assert reason_of(sign_in(browser, provider)) == "unverified"
    assert is_nobody(browser)


@pytest.mark.parametrize("email", ["", None, "nobody", "a" * 300 + "@example.com"])
def test_who_has_no_address_there_makes_no_account(browser, provider, email):
    provider.tell(person=PERSON | {"email": email})
    assert reason_of(sign_in(browser, provider)) == "unverified"


@pytest.mark.control
def test_control_believed_unverified_it_takes_an_address_that_is_nobodys_proof(
    browser, provider, monkeypatch
):
    provider.tell(person=PERSON | {"email_verified": False})
    monkeypatch.setattr(oidc, "_verified_email", lambda said: said["email"])
    assert sign_in(browser, provider).headers["Location"] == "/en/"


@pytest.mark.parametrize("typed", [EMAIL, EMAIL.upper(), f"  {EMAIL}"])
def test_an_address_that_belongs_to_an_account_never_logs_in_by_itself(browser, provider, typed):
    owner = factories.make_user(email=EMAIL, password=PASSWORD)
    provider.tell(person=PERSON | {"email": typed})
    with security_events() as recorded:
        back = sign_in(browser, provider, f"{LOGIN}?next=/en/me/points/")
    assert reason_of(back) == "taken"
    assert [one["event"] for one in recorded.events] == ["provider_refused"]
    assert EMAIL not in "".join(recorded.lines)
    assert is_nobody(browser)
    assert list(User.objects.all()) == [owner]
    page = browser.get(back.headers["Location"])
    assert "has an account already" in text_of(page)
    assert "/en/account/login/?next=/en/account/provider/" in page.text.replace("%2F", "/")


@pytest.mark.control
def test_control_by_the_address_alone_a_stranger_takes_the_account_over(
    browser, provider, monkeypatch
):
    owner = factories.make_user(email=EMAIL, password=PASSWORD)
    adapter = "accounts.provider_adapter._sign_up"
    monkeypatch.setattr(adapter, lambda *_: User.objects.get(email=EMAIL))
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert Session.objects.filter(user_id=owner.pk).exists()


def test_a_mere_claim_of_an_address_keeps_its_owner_out_of_nothing(browser, provider):
    claim = User(email=EMAIL)
    claim.set_password(PASSWORD)
    User.objects.add([claim], verified=False)
    assert sign_in(browser, provider).headers["Location"] == "/en/"
    assert User.objects.get(email=EMAIL).pk != claim.pk


# --- a provider that refuses, or is not there


def test_who_says_no_there_is_led_to_words_and_a_way_on(browser, provider):
    provider.tell(error="access_denied")
    back = sign_in(browser, provider, f"{LOGIN}?next=/en/me/points/")
    assert reason_of(back) == "cancelled"
    assert "code" not in query_of(back.headers["Location"])
    page = browser.get(back.headers["Location"])
    assert page.status_code == 200
    assert "did not agree at Companion" in text_of(page)
    assert send(browser, button(page)).headers["Location"].startswith(provider.url)
    assert button(page).fields["next"] == ["/en/me/points/"]
    korean = "/ko/account/provider/failed/?reason=cancelled"
    assert korean in page.text  # the other language says the same


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("temporarily_unavailable", "unavailable"),
        ("server_error", "unavailable"),
        ("invalid_scope", "failed"),
        ("<script>", "failed"),
    ],
)
def test_other_errors_of_the_provider_have_words_too(browser, provider, error, reason):
    provider.tell(error=error)
    back = sign_in(browser, provider)
    assert reason_of(back) == reason
    assert "<script>" not in browser.get(back.headers["Location"]).text.split("</head>")[1]


BROKEN = [
    "500 /token",
    "500 /userinfo",
    "500 /jwks",
    "junk /jwks",
    "junk /userinfo",
    "500 /.well-known/openid-configuration",
    "junk /.well-known/openid-configuration",
    "other issuer",
]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_provider_that_fails_leads_to_words_and_the_password(browser, provider, fault):
    factories.make_user(email="fan@example.com", password=PASSWORD)
    provider.tell(fault)
    sent = send(browser, button(browser.get(LOGIN)))
    at_start = fault.endswith("configuration") or fault == "other issuer"
    there = sent if at_start else browser.get(provider.follow(sent.headers["Location"]))
    assert reason_of(there) == "unavailable"
    page = browser.get(there.headers["Location"])
    assert "cannot be reached" in text_of(page)
    login = forms_of(browser.get(LOGIN))[0]
    entered = send(browser, login, login="fan@example.com", password=PASSWORD)
    assert entered.headers["Location"] == "/en/"


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/jwks"])
def test_a_provider_that_hangs_is_waited_for_no_longer_than_its_time(
    browser, provider, monkeypatch, path
):
    monkeypatch.setattr(oidc_calls, "CALL_SECONDS", 0.3)
    back = provider.follow(start(browser))
    provider.tell(f"hang {path}")
    began = time.monotonic()
    assert reason_of(browser.get(back)) == "unavailable"
    assert time.monotonic() - began < 5


@pytest.mark.control
def test_control_with_more_time_it_is_waited_for_longer(browser, provider, monkeypatch):
    monkeypatch.setattr(oidc_calls, "CALL_SECONDS", 6.0)
    back = provider.follow(start(browser))
    provider.tell("hang /token")
    began = time.monotonic()
    assert reason_of(browser.get(back)) == "unavailable"
    assert time.monotonic() - began >= 6


def test_no_more_threads_wait_for_it_than_may(browser, provider, monkeypatch):
    monkeypatch.setattr(oidc_calls, "_WAIT_SECONDS", 0.01)
    form = button(browser.get(LOGIN))
    http = oidc.connections()
    held = [http.at_work() for _ in range(oidc_calls.AT_ONCE)]
    for one in held:
        one.__enter__()
    assert reason_of(send(browser, form)) == "unavailable"
    for one in held:
        one.__exit__(None, None, None)
    assert send(browser, form).headers["Location"].startswith(provider.url)


def test_after_many_failures_it_is_not_asked_for_a_while(browser, provider):
    provider.tell("500 /token")
    backs = [provider.follow(start(browser)) for _ in range(10)]
    for back in backs:
        browser.get(back)
    before = provider.tell("500 /token").count("/token")
    statuses = {reason_of(sign_in(browser, provider)) for _ in range(3)}
    assert statuses == {"unavailable"}
    assert provider.tell().count("/token") - before <= 1


def test_a_provider_that_is_gone_leads_to_the_same_words(browser, db_ready, settings):
    with running_provider() as provider:
        settings.OIDC_PROVIDER = provider.settings
        back = provider.follow(start(browser))
    form = button(browser.get(LOGIN))
    assert reason_of(browser.get(back)) == "unavailable"
    oidc.connections().close()
    provider_http.cache_clear()
    assert reason_of(send(browser, form)) == "unavailable"
    oidc.connections().close()
    provider_http.cache_clear()
