"""Guessing passwords locks a login out; the owner still gets in from a device used before."""

import logging

import pytest
from django.test import Client
from django.urls import reverse

from accounts import attempts, devices
from kernel.redis.clients import breaker, client
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.login_api import EMAIL, PASSWORD, log_in, post

HOME, ELSEWHERE, PC_ROOM = "192.0.2.1", "198.51.100.9", "203.0.113.5"
WRONG = "wrong-harbour-00"


@pytest.fixture(autouse=True)
def _limits(settings, db_ready):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {
        "login": "300/minute",
        "login_account": "4/10 minute",
        "login_device": "4/10 minute",
    }


@pytest.fixture(autouse=True)
def owner(db_ready):
    return factories.make_user(email=EMAIL, password=PASSWORD, is_staff=True)


def try_it(password=PASSWORD, *, email=EMAIL, ip=HOME, device=None, browser=None):
    headers = {devices.HEADER: device} if device else {}
    return log_in(email, password, client=browser or Client(), REMOTE_ADDR=ip, headers=headers)


def why(answer):
    return answer.json()["errors"][0]["code"]


def guess(n, **where):
    return [why(try_it(f"{WRONG}{number}", **where)) for number in range(n)]


def staff_login(password, ip, browser=None):
    form = {"username": EMAIL, "password": password}
    return (browser or Client()).post(reverse("admin:login"), form, REMOTE_ADDR=ip)


def test_a_stranger_is_stopped_and_learns_for_how_long():
    codes = guess(6, ip=ELSEWHERE)
    assert codes == ["email_password_mismatch"] * 4 + ["too_many_login_attempts"] * 2
    refused = try_it(ip=ELSEWHERE)  # the right one isn't judged any more
    assert (refused.status_code, why(refused)) == (400, "too_many_login_attempts")
    assert 100 <= int(refused["Retry-After"]) <= 150


def test_strangers_share_one_count_wherever_they_come_from():
    codes = [guess(1, ip=f"198.51.100.{number}")[0] for number in range(6)]
    assert codes.count("email_password_mismatch") == 4


def test_the_owner_logs_in_from_a_client_ip_he_has_used_while_strangers_guess():
    assert try_it(ip=HOME).status_code == 200
    guess(6, ip=ELSEWHERE)
    assert try_it(ip=HOME).status_code == 200
    assert try_it(ip=PC_ROOM).status_code == 400  # where he has never been, he waits


def test_and_from_a_browser_he_has_used_wherever_it_is_now():
    browser = Client()
    assert try_it(ip=HOME, browser=browser).status_code == 200
    guess(6, ip=ELSEWHERE)
    assert try_it(ip=ELSEWHERE, browser=browser).status_code == 200
    assert staff_login(PASSWORD, ELSEWHERE, browser).status_code == 302


def test_and_by_an_app_that_keeps_the_token_of_its_device():
    token = try_it(ip=HOME)[devices.HEADER]
    guess(6, ip=ELSEWHERE)
    assert try_it(ip=ELSEWHERE, device=token).status_code == 200


@pytest.mark.control
def test_control_with_one_count_an_account_strangers_shut_the_owner_out(monkeypatch):
    monkeypatch.setattr(devices, "read", lambda raw, account: devices.Device(None))
    call = attempts._LIBRARY.call

    def no_ip_is_known(function, *, keys, args):
        return call(function, keys=[*keys[:4], "never"] if len(keys) == 5 else keys, args=args)

    monkeypatch.setattr(attempts._LIBRARY, "call", no_ip_is_known)
    assert try_it(ip=HOME).status_code == 200
    guess(6, ip=ELSEWHERE)
    assert why(try_it(ip=HOME)) == "too_many_login_attempts"


def test_a_device_that_guesses_is_stopped_too_and_shuts_nobody_else_out():
    token = try_it(ip=HOME)[devices.HEADER]
    codes = guess(6, ip=ELSEWHERE, device=token)
    assert codes.count("email_password_mismatch") == 4
    assert try_it(ip=HOME).status_code == 200


def test_a_token_of_one_account_is_none_of_another():
    factories.make_user(email="thief@example.com", password=PASSWORD)
    token = try_it(email="thief@example.com", ip=ELSEWHERE)[devices.HEADER]
    codes = guess(6, ip=ELSEWHERE, device=token)
    assert codes.count("email_password_mismatch") == 4
    assert guess(1, ip=PC_ROOM, device=token) == ["too_many_login_attempts"]


@pytest.mark.parametrize("shown", ["x", "~~~~", "a:b:c", "%00", "a" * 5000])
def test_any_value_for_a_token_is_just_none(shown):
    assert try_it(ip=HOME, device=shown).status_code == 200


def test_a_device_that_several_people_use_keeps_the_last_few():
    browser, people = Client(), [f"fan{number}@example.com" for number in range(5)]
    for email in people:
        factories.make_user(email=email, password=PASSWORD)
        assert try_it(email=email, ip=PC_ROOM, browser=browser).status_code == 200
    cookie = browser.cookies["device"]
    assert cookie["httponly"]
    assert len(cookie.value) < 400
    names = [devices.read(cookie.value, account=attempts._tag(email)).name for email in people]
    assert names[0] is None
    assert all(names[1:])


def test_a_whole_pc_room_logs_in_within_a_minute_as_successes_do_not_count(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login": "3/minute"}
    people = [f"fan{number}@example.com" for number in range(12)]
    for email in people:
        factories.make_user(email=email, password=PASSWORD)
    answers = [try_it(email=email, ip=PC_ROOM) for email in people]
    assert {answer.status_code for answer in answers} == {200}


def test_failures_of_one_client_ip_are_limited_whatever_the_accounts(settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login": "5/minute"}
    answers = [try_it(WRONG, email=f"fan{number}@example.com", ip=ELSEWHERE) for number in range(7)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429] * 2
    assert answers[-1]["RateLimit-Policy"] == '"login";q=5;w=60'
    assert 1 <= int(answers[-1]["Retry-After"]) <= 12
    assert try_it(ip=HOME).status_code == 200


def test_tries_at_once_are_all_counted():
    answers = at_once([lambda: try_it(WRONG, ip=ELSEWHERE)] * 8)
    codes = [why(answer) for answer in answers]
    assert codes.count("email_password_mismatch") == 4


def test_the_staff_pages_count_with_the_api_and_know_the_same_devices():
    guess(2, ip=ELSEWHERE)
    pages = [staff_login(WRONG, ELSEWHERE) for _ in range(2)]
    assert {page.status_code for page in pages} == {200}
    assert "Retry-After" in staff_login(PASSWORD, ELSEWHERE)
    browser = Client()
    client("cache").flushall()
    assert staff_login(PASSWORD, HOME, browser).status_code == 302
    guess(6, ip=ELSEWHERE)
    assert staff_login(PASSWORD, ELSEWHERE, browser).status_code == 302


def test_a_password_reset_by_mail_lets_its_owner_in(mailoutbox, settings):
    guess(6, ip=ELSEWHERE)
    asked = post("auth/password/request", {"email": EMAIL}, REMOTE_ADDR=PC_ROOM)
    code = next(
        word
        for word in mailoutbox[0].body.split()
        if word.replace("-", "").isupper() and "-" in word
    )
    done = post(
        "auth/password/reset",
        {"key": code, "password": "green-lantern-12"},
        headers={"X-Session-Token": asked.json()["meta"]["session_token"]},
        REMOTE_ADDR=PC_ROOM,
    )
    assert done.status_code in {200, 401}, done.content
    assert try_it("green-lantern-12", ip=PC_ROOM).status_code == 200


def test_a_try_that_could_not_be_judged_is_not_counted(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the database is unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("allauth.account.adapter.authenticate", fail)
        for _ in range(6):
            with pytest.raises(RuntimeError):
                try_it(ip=ELSEWHERE)
    assert try_it(ip=ELSEWHERE).status_code == 200


def test_with_the_counting_server_away_each_process_counts_alone(parts):
    before = attempts.unshared._value.get()
    parts.part("cache").stop()
    try:
        assert [try_it(ip=HOME).status_code for _ in range(6)] == [200] * 6
        codes = guess(6, ip=ELSEWHERE)
        assert codes.count("email_password_mismatch") == 4
        assert try_it(ip=HOME).status_code == 200
    finally:
        parts.part("cache").start()
        breaker("cache").reset()
        attempts._own.clear()
    assert attempts.unshared._value.get() > before


def test_the_name_the_site_is_called_by_makes_no_new_count():
    codes = [
        why(log_in(EMAIL, f"{WRONG}{port}", headers={"Host": f"testserver:{port}"}))
        for port in range(1, 7)
    ]
    assert codes.count("email_password_mismatch") == 4


def test_an_account_that_does_not_exist_is_counted_alike():
    codes = guess(6, ip=ELSEWHERE, email="nobody@example.com")
    assert codes == ["email_password_mismatch"] * 4 + ["too_many_login_attempts"] * 2


def test_the_security_log_has_failures_and_refusals_and_no_address(caplog):
    with caplog.at_level(logging.WARNING, logger="frontrow.security"):
        guess(5, ip=ELSEWHERE)
    lines = [record for record in caplog.records if record.name == "frontrow.security"]
    assert [line.event for line in lines] == ["login_failed"] * 4 + ["login_throttled"]
    assert {line.client_ip for line in lines} == {ELSEWHERE}
    assert EMAIL not in caplog.text
