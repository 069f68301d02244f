"""Staff get new recovery codes by password and code, and the former ones end."""

import re

import pytest
from django.urls import reverse

from accounts.errors import NotSetUp
from accounts.usecases import second_factor
from kernel import clock
from tests.support import factories
from tests.support.codes import Device
from tests.support.login_api import PASSWORD
from tests.support.security_events import security_events
from tests.support.staff_pages import browser, browser_of, enter, sees_staff_pages

RENEW, SET_UP = reverse("second_factor:recovery_codes"), reverse("second_factor:set_up")


pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def member(db_ready):
    return factories.make_user(email="member@example.com", password=PASSWORD, is_staff=True)


@pytest.fixture
def device():
    return Device()


def codes_on(page) -> list[str]:
    return re.findall(r"<code>(\d{8})</code>", page.content.decode())


def test_new_codes_open_and_the_former_ones_no_longer_do(member, device, mailoutbox):
    former = device.set_up(member, steps=-1)
    client, _ = enter(member, former[0])
    mailoutbox.clear()
    with security_events() as recorded:
        page = client.post(RENEW, {"password": PASSWORD, "code": device.code()})
    new = codes_on(page)
    assert len(set(new)) == 10
    assert not set(new) & set(former)
    assert "no-store" in page["Cache-Control"]
    assert [event["event"] for event in recorded.events] == ["mfa_codes_renewed"]
    assert [letter.to for letter in mailoutbox] == [[member.email]]
    assert codes_on(client.get(RENEW)) == []  # shown once
    for code in former:
        assert second_factor.check(user_id=member.pk, code=code, now=clock.now()) is None
    assert sees_staff_pages(enter(member, new[9])[0])


def test_a_recovery_code_that_is_left_gets_new_ones_where_the_device_is_lost(member, device):
    former = device.set_up(member)
    client, _ = enter(member, former[0])
    assert len(codes_on(client.post(RENEW, {"password": PASSWORD, "code": former[1]}))) == 10


@pytest.mark.parametrize("wrong", ["password", "code", "both", "nothing"])
def test_without_password_and_code_the_codes_stay(member, device, wrong):
    former = device.set_up(member)
    client, _ = enter(member, former[0])
    form = {"password": PASSWORD, "code": device.code()}
    form |= {"password": "wrong-harbour-1"} if wrong in ("password", "both") else {}
    form |= {"code": "000000"} if wrong in ("code", "both") else {}
    page = client.post(RENEW, {} if wrong == "nothing" else form)
    assert (page.status_code, codes_on(page)) == (200, [])
    assert second_factor.check(user_id=member.pk, code=former[1], now=clock.now()) is not None


def test_a_wrong_password_judges_no_code(member, device):
    former = device.set_up(member)
    client, _ = enter(member, former[0])
    with security_events() as recorded:
        client.post(RENEW, {"password": "wrong-harbour-1", "code": former[1]})
    assert "mfa_failed" not in [event["event"] for event in recorded.events]
    assert second_factor.check(user_id=member.pk, code=former[1], now=clock.now()) is not None


def test_guessing_codes_there_is_stopped(member, device, settings):
    former = device.set_up(member)
    client, _ = enter(member, former[0])
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login_device": "3/5 minute"}
    for _ in range(4):
        client.post(RENEW, {"password": PASSWORD, "code": "000000"})
    assert codes_on(client.post(RENEW, {"password": PASSWORD, "code": device.code()})) == []


def test_the_page_is_for_staff_who_have_given_their_code(member, device):
    assert browser().get(RENEW).status_code == 302
    client, _ = enter(member)
    assert client.get(RENEW)["Location"] == SET_UP
    device.set_up(member)
    owing = browser_of(member)
    assert owing.get(RENEW)["Location"].startswith(reverse("admin:login"))
    fan = browser_of(factories.make_user())
    assert fan.get(RENEW).status_code == 302


def test_every_staff_page_leads_there(member, device):
    client, _ = enter(member)
    assert SET_UP in client.get(reverse("admin:index")).content.decode()
    device.set_up(member)
    client, _ = enter(member, device.code())
    assert client.get(SET_UP)["Location"] == RENEW


def test_where_none_is_set_up_there_are_no_codes_to_renew(member):
    with pytest.raises(NotSetUp):
        second_factor.renew_recovery_codes(user_id=member.pk, now=clock.now())
