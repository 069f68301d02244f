"""An e-mail address logs in only the person who has verified it; changes are announced."""

import unicodedata

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from tests.support import factories
from tests.support.login_api import (
    PASSWORD,
    add_address,
    call,
    code_in,
    email_addresses,
    log_in,
    new_fan,
    reauthenticate,
    sign_up,
)
from tests.support.security_events import security_events


def owner_logged_in_by(email, password=PASSWORD):
    answer = log_in(email, password)
    return answer.json()["data"]["user"]["email"] if answer.status_code == 200 else None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("fan@bücher.example", "fan@xn--bcher-kva.example"),
        ("fan@bücher.example", unicodedata.normalize("NFD", "FAN@BÜCHER.example")),
        ("fan@example.com", "ｆａｎ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("mike@example.com", "mi\u212ae@example.com"),
    ],
)
def test_one_mailbox_is_one_account(first, second):
    assert sign_up(first).status_code == 200
    refused = sign_up(second)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["param"] == "email"
    assert User.objects.count() == 1
    assert log_in(second).status_code == 200


ODD = [
    "a@\ua7cb.com",
    "a" * 250 + "@example.com",
    "a@" + "ü" * 60 + ".com",
    "a@" + ".".join(["ü" * 20] * 11) + ".com",  # too long once written in IDNA
    '"a"@example.com',
    "f\u0430n@example.com",
    "fan\u200b@example.com",
    "fan@xn--a.com",
    "fan@[127.0.0.1]",
]


@pytest.mark.parametrize("email", ODD)
def test_an_odd_address_is_taken_or_refused_never_an_error_of_ours(email):
    answer = sign_up(email)
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert [error["param"] for error in answer.json()["errors"]] == ["email"]
    for path in ("auth/login", "auth/password/request"):
        body = {"email": email, "password": PASSWORD}
        assert call("POST", path, body).status_code in {200, 400, 401}


@pytest.mark.parametrize("password", ["비밀번호가깁니다", "Ｏrange-harbour-97", "ﬁne-harbour-97"])
def test_a_password_is_the_same_in_every_form_a_keyboard_sends(password):
    new_fan("fan@example.com", password)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        typed = unicodedata.normalize(form, password)
        assert log_in("fan@example.com", typed).status_code == 200, form
    assert log_in("fan@example.com", password + "x").status_code == 400


def test_a_hash_made_before_that_still_opens_and_is_replaced():
    decomposed = unicodedata.normalize("NFD", "비밀번호가깁니다")
    fan = factories.make_user(email="fan@example.com")
    super(User, fan).set_password(decomposed)
    fan.save(update_fields=["password"])
    assert log_in("fan@example.com", "비밀번호가깁니다").status_code == 400
    assert log_in("fan@example.com", decomposed).status_code == 200
    assert log_in("fan@example.com", "비밀번호가깁니다").status_code == 200


@pytest.mark.control
def test_without_that_rule_a_decomposed_password_is_another_one(monkeypatch):
    monkeypatch.setattr("accounts.passwords.normalize", lambda typed: typed)
    new_fan("fan@example.com", "비밀번호가깁니다")
    decomposed = unicodedata.normalize("NFD", "비밀번호가깁니다")
    assert log_in("fan@example.com", decomposed).status_code == 400


CHANGES = [
    ("POST", {"email": "mine@example.com"}),
    ("PATCH", {"email": "owner@example.com", "primary": True}),
    ("DELETE", {"email": "owner@example.com"}),
]


@pytest.mark.parametrize(("method", "body"), CHANGES)
def test_a_token_alone_changes_no_address(method, body, mailoutbox):
    token = new_fan("owner@example.com")
    refused = call(method, "account/email", body, token=token)
    assert refused.status_code == 401
    flows = {flow["id"] for flow in refused.json()["data"]["flows"]}
    assert "reauthenticate" in flows
    assert email_addresses(token) == [("owner@example.com", True, True)]
    assert mailoutbox == []


@pytest.mark.control
def test_without_reauthentication_a_token_is_enough(settings):
    settings.ACCOUNT_REAUTHENTICATION_REQUIRED = False
    token = new_fan("owner@example.com")
    method, body = CHANGES[0]
    assert call(method, "account/email", body, token=token).status_code == 200


def test_a_password_given_too_long_ago_does_not_count(settings):
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    token = new_fan("owner@example.com")
    reauthenticate(token)
    method, body = CHANGES[0]
    assert call(method, "account/email", body, token=token).status_code == 401


def test_the_password_is_not_changed_without_the_password():
    token = new_fan("owner@example.com")
    for body in ({}, {"current_password": ""}, {"current_password": "wrong-harbour-1"}):
        answer = call(
            "POST",
            "account/password/change",
            body | {"new_password": "green-lantern-12"},
            token=token,
        )
        assert answer.status_code == 400
    assert log_in("owner@example.com").status_code == 200


def test_an_address_that_was_added_counts_once_its_code_came_back(mailoutbox):
    token = new_fan("owner@example.com")
    reauthenticate(token)
    added = call("POST", "account/email", {"email": "second@example.com"}, token=token)
    assert added.status_code == 200
    assert not EmailAddress.objects.filter(email="second@example.com").exists()
    assert owner_logged_in_by("second@example.com") is None
    (letter,) = mailoutbox
    wrong = call("POST", "auth/email/verify", {"key": "WRONG-1"}, token=token)
    assert wrong.status_code == 400
    proved = call("POST", "auth/email/verify", {"key": code_in(letter)}, token=token)
    assert proved.status_code == 200
    assert owner_logged_in_by("second@example.com") == "owner@example.com"


def test_every_change_is_mailed_to_the_address_from_before(mailoutbox):
    token = new_fan("old@example.com")
    reauthenticate(token)
    with security_events() as recorded:
        add_address(token, "new@example.com", mailoutbox)
        assert [letter.to for letter in mailoutbox] == [["new@example.com"], ["old@example.com"]]
        mailoutbox.clear()
        call("PATCH", "account/email", {"email": "new@example.com", "primary": True}, token=token)
        assert [letter.to for letter in mailoutbox] == [["old@example.com"]]
        mailoutbox.clear()
        call("DELETE", "account/email", {"email": "old@example.com"}, token=token)
        assert {letter.to[0] for letter in mailoutbox} == {"new@example.com", "old@example.com"}
    assert email_addresses(token) == [("new@example.com", True, True)]
    assert [event["event"] for event in recorded.events] == [
        "email_added",
        "email_changed",
        "email_removed",
    ]
    for letter in mailoutbox:
        assert "삭제되었습니다" in letter.body
        assert "was removed" in letter.body
    assert User.objects.get().email == "new@example.com"


def test_a_changed_and_a_reset_password_are_mailed(mailoutbox):
    token = new_fan("fan@example.com")
    body = {"current_password": PASSWORD, "new_password": "green-lantern-12"}
    call("POST", "account/password/change", body, token=token)
    assert [letter.to for letter in mailoutbox] == [["fan@example.com"]]
    assert "Password changed" in mailoutbox.pop().subject
    asked = call("POST", "auth/password/request", {"email": "fan@example.com"})
    key = code_in(mailoutbox.pop())
    session = asked.json()["meta"]["session_token"]
    body = {"key": key, "password": "orange-lantern-13"}
    call("POST", "auth/password/reset", body, session=session)
    assert "Password reset" in mailoutbox.pop().subject
    assert log_in("fan@example.com", "orange-lantern-13").status_code == 200


@pytest.mark.parametrize("by_mail", [False, True])
@pytest.mark.parametrize("listed", ["staff", "fan"])
def test_adding_the_address_of_another_gains_nothing(listed, by_mail, settings, mailoutbox):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = by_mail
    victim = factories.make_user(
        email="victim@example.com", password="victim-harbour-1", is_staff=listed == "staff"
    )
    factories.make_user(email="me@example.com", password=PASSWORD)
    token = log_in("me@example.com").json()["meta"]["access_token"]
    reauthenticate(token)
    added = call("POST", "account/email", {"email": "Victim@example.com"}, token=token)
    assert added.status_code == (200 if by_mail else 400)
    assert owner_logged_in_by("victim@example.com", PASSWORD) is None
    body = {"email": "victim@example.com", "primary": True}
    assert call("PATCH", "account/email", body, token=token).status_code == 400
    if by_mail:  # the victim hears of it, and no code was made that anybody could be talked out of
        (letter,) = mailoutbox
        assert letter.to == ["victim@example.com"]
        assert "has an account already" in letter.body
    mailoutbox.clear()
    asked = call("POST", "auth/password/request", {"email": "victim@example.com"})
    session = asked.json()["meta"]["session_token"]
    body = {"key": code_in(mailoutbox[0]), "password": "green-lantern-12"}
    call("POST", "auth/password/reset", body, session=session)
    assert owner_logged_in_by("victim@example.com", "green-lantern-12") == "victim@example.com"
    assert User.objects.get(email="victim@example.com").pk == victim.pk


def test_a_claim_neither_logs_in_nor_keeps_the_owner_of_the_mailbox_out(settings, mailoutbox):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "", "signup": ""}
    assert sign_up("owner@example.com", "squatter-harbour-1").status_code == 401
    assert owner_logged_in_by("owner@example.com", "squatter-harbour-1") is None
    call("POST", "auth/password/request", {"email": "owner@example.com"})
    assert "has no account" in mailoutbox[-1].body
    session = sign_up("owner@example.com").json()["meta"]["session_token"]
    body = {"key": code_in(mailoutbox[-1])}
    assert call("POST", "auth/email/verify", body, session=session).status_code == 200
    assert owner_logged_in_by("owner@example.com") == "owner@example.com"
    assert owner_logged_in_by("owner@example.com", "squatter-harbour-1") is None


def test_of_two_who_prove_one_address_the_first_has_it(settings, mailoutbox):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "", "signup": ""}
    sessions = [
        sign_up("both@example.com", f"{name}-harbour-97").json()["meta"]["session_token"]
        for name in ("first", "second")
    ]
    keys = [code_in(letter) for letter in mailoutbox]
    statuses = [
        call("POST", "auth/email/verify", {"key": key}, session=session).status_code
        for key, session in zip(keys, sessions, strict=True)
    ]
    assert statuses[0] == 200
    assert statuses[1] in {400, 409}
    assert owner_logged_in_by("both@example.com", "first-harbour-97") == "both@example.com"
    assert owner_logged_in_by("both@example.com", "second-harbour-97") is None


def test_letters_go_to_the_address_as_it_is_kept(mailoutbox):
    new_fan("fan@bücher.example")
    call("POST", "auth/password/request", {"email": "FAN@bücher.example"})
    assert mailoutbox[0].to == ["fan@xn--bcher-kva.example"]


def test_a_changed_password_ends_the_codes_on_their_way(mailoutbox):
    token = new_fan("fan@example.com")
    asked = call("POST", "auth/password/request", {"email": "fan@example.com"})
    key, session = code_in(mailoutbox[0]), asked.json()["meta"]["session_token"]
    body = {"current_password": PASSWORD, "new_password": "green-lantern-12"}
    call("POST", "account/password/change", body, token=token)
    body = {"key": key, "password": "stolen-lantern-99"}
    assert call("POST", "auth/password/reset", body, session=session).status_code == 409
    assert log_in("fan@example.com", "green-lantern-12").status_code == 200
