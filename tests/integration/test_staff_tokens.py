"""Access tokens carry staff rights only where the login had the factor that is demanded."""

import pytest
from django.contrib.auth.models import Group

from accounts import tokens
from accounts.usecases import sessions
from kernel import clock
from kernel.caller import Caller
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import PASSWORD, call, log_in


@pytest.fixture
def member(db_ready, settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    person = factories.make_user(email="member@example.com", password=PASSWORD, is_staff=True)
    person.groups.add(Group.objects.get(name="door"))
    return person


def caller_of(response) -> Caller:
    return tokens.read_access_token(response.json()["meta"]["access_token"], now=clock.now())


def rights(caller: Caller) -> tuple[bool, frozenset[str]]:
    return caller.is_staff, caller.groups


def log_in_with_code(member, device: Device):
    session = log_in(member.email).json()["meta"]["session_token"]
    return call("POST", "auth/2fa/authenticate", {"code": device.code()}, session=session)


def test_by_the_password_alone_staff_are_fans_at_the_api(member):
    assert rights(caller_of(log_in(member.email))) == (False, frozenset())


def test_with_the_code_they_are_staff(member):
    device = Device()
    device.set_up(member)
    assert rights(caller_of(log_in_with_code(member, device))) == (True, frozenset({"door"}))


def test_refreshing_does_not_bring_the_rights_either(member):
    refresh = log_in(member.email).json()["meta"]["refresh_token"]
    response = call("POST", "tokens/refresh", {"refresh_token": refresh})
    token = response.json()["data"]["access_token"]
    assert rights(tokens.read_access_token(token, now=clock.now())) == (False, frozenset())


def test_a_login_from_before_the_set_up_ends_with_it(member):
    refresh = log_in(member.email).json()["meta"]["refresh_token"]
    Device().set_up(member)
    assert call("POST", "tokens/refresh", {"refresh_token": refresh}).status_code == 400


def test_where_no_factor_is_demanded_staff_are_staff(member, settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = False
    assert rights(caller_of(log_in(member.email))) == (True, frozenset({"door"}))


@pytest.mark.control
def test_without_the_look_the_password_alone_would_give_the_rights(member, monkeypatch):
    monkeypatch.setattr(sessions.queries, "has_second_factor", lambda user_id: True)
    assert rights(caller_of(log_in(member.email))) == (True, frozenset({"door"}))
