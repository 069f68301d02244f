"""Whatever phones, thieves, staff and the clock do to a fan's logins, in whatever order."""

from datetime import datetime

import pytest

from accounts import operations
from accounts.models import RefreshToken
from accounts.usecases import sessions
from tests.support.walks import logins
from tests.support.walks.logins import LoginMachine
from tests.support.walks.running import walk


@pytest.fixture(autouse=True)
def _lives(settings, db_ready):
    settings.REFRESH_TOKEN_SECONDS = int(logins.IDLE.total_seconds())
    settings.LOGIN_SECONDS = int(logins.LONGEST.total_seconds())


@pytest.mark.timeout(300)
def test_a_login_goes_on_by_its_newest_token_alone():
    walk(LoginMachine, examples=12, steps=30)


@pytest.fixture
def played():
    """A walk taken by hand: a fan has logged in."""
    machine = LoginMachine()
    machine.begin()
    machine.log_in()
    yield machine
    machine.teardown()


def use_it_for_hours(machine):
    for _ in range(6):
        machine.wait(3600)
        machine.refresh(0, newest=True)


def test_a_login_in_use_ends_by_its_age(played):
    use_it_for_hours(played)


@pytest.mark.control
def test_control_without_an_age_a_login_in_use_never_ends(played, monkeypatch):
    monkeypatch.setattr(
        sessions.ApiSessionStore, "longest", classmethod(lambda cls: logins.LONGEST * 10)
    )
    with pytest.raises(AssertionError, match=r"^an (ended login|access token)"):
        use_it_for_hours(played)


def _used_tokens_are_good_for_ever(monkeypatch):
    monkeypatch.setattr(RefreshToken, "was_just_used", lambda self, now: self.used_at is not None)


def _nothing_is_sent_again(monkeypatch):
    monkeypatch.setattr(RefreshToken, "was_just_used", lambda self, now: False)


def _a_thief_ends_nothing(monkeypatch):
    monkeypatch.setattr(sessions, "_end_stolen", lambda row, client_ip: None)


def _nobody_marks_a_token_as_used(monkeypatch):
    def trade(*, token: RefreshToken, expires_at: datetime, now: datetime) -> RefreshToken:
        return operations.add_refresh_token(sid=token.sid, expires_at=expires_at, now=now)

    monkeypatch.setattr(operations, "trade_refresh_token", trade)


def _the_end_is_not_written_down(monkeypatch):
    monkeypatch.setattr(operations, "_REVOKE", "SELECT %s, %s::text[]")


def a_token_comes_back(machine, *, after):
    machine.refresh(0, newest=True)
    machine.wait(after)
    machine.send_again(0)


@pytest.mark.control
@pytest.mark.parametrize(
    ("remove_guard", "deed", "broken"),
    [
        (
            _used_tokens_are_good_for_ever,
            lambda machine: a_token_comes_back(machine, after=61),
            "a used token was traded again",
        ),
        (
            _nothing_is_sent_again,
            lambda machine: a_token_comes_back(machine, after=60),
            "a token sent again was refused",
        ),
        (
            _a_thief_ends_nothing,
            lambda machine: a_token_comes_back(machine, after=61),
            "not revoked",
        ),
        (
            _nobody_marks_a_token_as_used,
            lambda machine: machine.refresh(0, newest=True),
            "two tokens to go on with",
        ),
        (
            _the_end_is_not_written_down,
            lambda machine: machine.log_out(machine.logins[0]),
            "not revoked",
        ),
    ],
    ids=["later", "resend", "family", "once", "row"],
)
def test_control_the_machine_notices_a_missing_guard(
    played, monkeypatch, remove_guard, deed, broken
):
    remove_guard(monkeypatch)
    with pytest.raises(AssertionError, match=f"^{broken}"):
        deed(played)
        played.what_has_ended_is_written_down()
        played.a_login_has_one_unused_token()
