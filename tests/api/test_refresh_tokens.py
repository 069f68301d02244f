"""A refresh token is traded once; sent again at once it gives the same, later it ends the login."""

import json
import logging

import pytest

from accounts.models import RefreshToken, RevokedLogin, Session
from accounts.sessions import ApiSessionStore
from accounts.tasks import purge_sessions
from accounts.usecases import sessions
from tests.support.concurrency import at_once
from tests.support.login_api import (
    PASSWORD,
    Time,
    log_in,
    log_out,
    new_login,
    next_token,
    own_points,
    post,
    refresh,
    sid_in,
)


@pytest.fixture
def time(monkeypatch, db_ready):
    return Time(monkeypatch)


def test_a_lost_answer_is_given_again_for_a_minute(time):
    first = new_login()["refresh_token"]
    second = next_token(first)
    time.pass_by(59)
    again = refresh(first)
    assert again.status_code == 200
    assert again.json()["data"]["refresh_token"] == second
    assert own_points(again.json()["data"]["access_token"]).status_code == 200
    assert next_token(second) not in {first, second}


def test_tabs_that_refresh_at_once_all_get_the_same_next_token():
    token = new_login()["refresh_token"]
    answers = at_once([lambda: refresh(token)] * 6)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["refresh_token"] for answer in answers}) == 1
    assert RefreshToken.objects.filter(used_at__isnull=True).count() == 1


@pytest.mark.control
def test_control_without_the_minute_a_phone_that_lost_an_answer_is_logged_out(monkeypatch):
    monkeypatch.setattr(RefreshToken, "was_just_used", lambda self, now: False)
    first = new_login()["refresh_token"]
    second = next_token(first)
    assert refresh(first).status_code == 400
    assert refresh(second).status_code == 400


def test_a_token_that_comes_back_later_ends_the_login(time):
    first = new_login()["refresh_token"]
    other = log_in().json()["meta"]
    answer = refresh(first).json()["data"]
    time.pass_by(61)
    assert refresh(first).status_code == 400
    assert refresh(answer["refresh_token"]).status_code == 400
    assert own_points(answer["access_token"]).status_code == 401
    assert own_points(other["access_token"]).status_code == 200  # of the same person, elsewhere
    assert refresh(other["refresh_token"]).status_code == 200


def test_so_does_one_used_so_long_ago_that_its_row_is_gone(time):
    first = new_login()["refresh_token"]
    current = first
    for _ in range(4):
        current = next_token(current)
        time.pass_by(300)
    assert RefreshToken.objects.count() <= 4  # a login has a few rows, however long it lasts
    assert refresh(first).status_code == 400
    assert refresh(current).status_code == 400


@pytest.mark.control
def test_control_without_the_end_of_the_family_a_thief_goes_on(monkeypatch, time):
    monkeypatch.setattr(sessions, "_end_stolen", lambda row, client_ip: None)
    first = new_login()["refresh_token"]
    second = next_token(first)
    time.pass_by(61)
    assert refresh(first).status_code == 400
    assert refresh(second).status_code == 200


def test_the_security_log_says_whose_token_came_back(time, caplog):
    first = new_login()["refresh_token"]
    next_token(first)
    time.pass_by(61)
    caplog.clear()  # of the login itself
    with caplog.at_level(logging.WARNING, logger="frontrow.security"):
        refresh(first)
    [line] = [record for record in caplog.records if record.name == "frontrow.security"]
    assert line.event == "refresh_token_reused"
    assert line.client_ip == "127.0.0.1"
    assert first not in json.dumps(line.__dict__, default=str)


def test_a_used_token_stays_used_whatever_else_the_login_saves(time):
    first = new_login()["refresh_token"]
    beside = ApiSessionStore(Session.objects.get(user_id__isnull=False).session_key)
    beside["account_authentication_methods"] = ["loaded by now"]  # another request of this login...
    second = next_token(first)
    beside.save()  # ...ends after the refresh
    third = next_token(second)
    time.pass_by(61)
    assert refresh(first).status_code == 400
    assert refresh(third).status_code == 400


def test_no_token_stands_in_the_table(db_ready):
    meta = new_login()
    [row] = RefreshToken.objects.all()
    assert meta["refresh_token"] not in str(vars(row))


def test_logging_out_ends_the_tokens_too():
    meta = new_login()
    log_out(meta["access_token"])
    assert refresh(meta["refresh_token"]).status_code == 400
    assert not RefreshToken.objects.exists()


def test_a_new_password_ends_the_tokens_too():
    meta = new_login()
    change = {"current_password": PASSWORD, "new_password": "another-harbour-98"}
    post(
        "account/password/change",
        change,
        headers={"Authorization": f"Bearer {meta['access_token']}"},
    )
    assert refresh(meta["refresh_token"]).status_code == 400
    assert not RefreshToken.objects.exists()


def test_a_login_ends_after_its_longest_life_however_much_it_is_used(time, settings):
    settings.REFRESH_TOKEN_SECONDS, settings.LOGIN_SECONDS = 3600, 7200
    token = new_login()["refresh_token"]
    for _ in range(3):
        time.pass_by(1800)
        answer = refresh(token)
        token = answer.json()["data"]["refresh_token"]
    time.pass_by(1790)
    last = refresh(token).json()["data"]
    assert own_points(last["access_token"]).status_code == 200
    time.pass_by(11)
    assert own_points(last["access_token"]).status_code == 401  # no token outlives its login
    assert refresh(last["refresh_token"]).status_code == 400


def test_a_login_that_is_not_used_ends(time, settings):
    settings.REFRESH_TOKEN_SECONDS = 3600
    token = new_login()["refresh_token"]
    time.pass_by(3601)
    assert refresh(token).status_code == 400


def test_upkeep_drops_what_is_over_and_nothing_else(time, settings):
    settings.REFRESH_TOKEN_SECONDS = 3600
    time.pass_by(-3601)
    over = new_login("over@example.com")
    time.pass_by(1801)
    alive = sid_in(new_login("alive@example.com")["access_token"])
    time.pass_by(1800)
    assert purge_sessions.run() == 1
    assert RefreshToken.objects.get().sid == Session.objects.get().sid == alive
    assert refresh(over["refresh_token"]).status_code == 400
    assert not RevokedLogin.objects.exists()  # no access token outlived it


def test_a_host_with_a_clock_a_little_behind_gives_the_same_successor(time):
    first = new_login()["refresh_token"]
    second = next_token(first)
    time.pass_by(-3)
    assert next_token(first) == second
