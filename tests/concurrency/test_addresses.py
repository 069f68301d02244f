"""Whatever comes at once: one mailbox, one account; one code, one use."""

import threading

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection

from accounts.models import User
from accounts.usecases import second_factor
from kernel import clock
from tests.support import factories
from tests.support.codes import Device
from tests.support.concurrency import at_once
from tests.support.login_api import PASSWORD, call, code_in, log_in, reauthenticate, sign_up

pytestmark = pytest.mark.concurrency

SPELLINGS = ["fan@bücher.example", "FAN@xn--bcher-kva.example", "ｆａｎ@bu\u0308cher.example"]


def test_sign_ups_of_one_mailbox_at_once_make_one_account():
    answers = at_once([lambda each=each: sign_up(each).status_code for each in SPELLINGS * 3])
    assert answers.count(200) == 1
    assert set(answers) <= {200, 400, 409}
    assert EmailAddress.objects.count() == User.objects.count() == 1


def two_codes_for_one_address():
    logins = []
    for name in ("first", "second"):
        fan = factories.make_user(email=f"{name}@example.com", password=PASSWORD)
        token = log_in(fan.email).json()["meta"]["access_token"]
        reauthenticate(token)
        call("POST", "account/email", {"email": "both@example.com"}, token=token)
        logins.append((token, code_in(mail.outbox[-1])))
    return logins


def prove(login):
    token, key = login
    return call("POST", "auth/email/verify", {"key": key}, token=token).status_code


def test_of_two_who_prove_one_address_at_once_one_has_it(settings):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": ""}
    logins = two_codes_for_one_address()
    answers = at_once([lambda login=login: prove(login) for login in logins])
    assert answers.count(200) == 1
    assert set(answers) <= {200, 400, 409}
    assert EmailAddress.objects.filter(email="both@example.com", verified=True).count() == 1


@pytest.fixture
def _without_uniqueness():
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX unique_verified_email")
    yield
    EmailAddress.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE UNIQUE INDEX unique_verified_email ON account_emailaddress (email)"
            " WHERE verified"
        )


@pytest.mark.control
@pytest.mark.usefixtures("_without_uniqueness")
def test_without_the_constraint_both_have_it(settings, monkeypatch):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": ""}
    logins = two_codes_for_one_address()
    looked = threading.Barrier(2)
    can = EmailAddress.set_verified

    def both_have_looked(self, commit=True):
        done = can(self, commit)
        looked.wait(20)
        return done

    monkeypatch.setattr(EmailAddress, "set_verified", both_have_looked)
    answers = at_once([lambda login=login: prove(login) for login in logins])
    assert answers == [200, 200]
    assert EmailAddress.objects.filter(email="both@example.com", verified=True).count() == 2


def test_a_code_sent_twice_at_once_counts_once():
    boss = factories.make_user(is_staff=True)
    device = Device()
    device.set_up(boss)
    now, code = clock.now(), device.code()
    found = at_once(
        [lambda: second_factor.check(user_id=boss.pk, code=code, now=now) is not None] * 6
    )
    assert found.count(True) == 1
