"""Signing up, logging in and asking for a code cost the same, account or not."""

import re
import unicodedata
from collections import Counter

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.support import factories
from tests.support.login_api import PASSWORD, call, log_in, sign_up


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.SIGN_UP_CONFIRMED_BY_MAIL = True


@pytest.fixture
def work(monkeypatch, mailoutbox):
    """Return a function that counts what a call does: hashes, letters, statements by kind."""
    hashes = Counter()
    encode = MD5PasswordHasher.encode

    def counted(self, password, salt):
        hashes["hashes"] += 1
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    log_in("first@example.com")  # the first call of a process reads the limits

    def of(action):
        hashes.clear()
        mailoutbox.clear()
        with CaptureQueriesContext(connection) as statements:
            answer = action()
        kinds = [
            re.sub(r' "?s\d+_x\d+"?', "", " ".join(query["sql"].split()[:3]))
            for query in statements.captured_queries
        ]
        shape = {
            name: sorted(value) if isinstance(value, dict) else value
            for name, value in answer.json().items()
            if name != "meta"
        }
        return answer.status_code, shape, hashes["hashes"], len(mailoutbox), kinds

    return of


@pytest.fixture
def _known(db_ready):
    factories.make_user(email="known@example.com", password=PASSWORD)


@pytest.mark.usefixtures("_known")
def test_signing_up_is_the_same_work_and_answer_for_an_address_that_is_taken(work, mailoutbox):
    taken = work(lambda: sign_up("known@example.com", "another-harbour-1"))
    free = work(lambda: sign_up("unknown@example.com", "another-harbour-1"))
    assert taken == free
    assert taken[0] == 401
    assert taken[2:4] == (1, 1)
    assert User.objects.filter(email="known@example.com").count() == 1
    assert log_in("known@example.com", "another-harbour-1").status_code == 400


@pytest.mark.usefixtures("_known")
def test_asking_for_a_code_is_the_same_work_and_answer(work):
    known = work(lambda: call("POST", "auth/password/request", {"email": "known@example.com"}))
    other = work(lambda: call("POST", "auth/password/request", {"email": "other@example.com"}))
    assert known == other
    assert known[3] == 1


@pytest.mark.usefixtures("_known")
@pytest.mark.parametrize("password", ["wrong-harbour-1", "틀린비밀번호입니다"])
def test_a_wrong_password_is_the_same_work_as_an_unknown_address(work, password):
    known = work(lambda: log_in("known@example.com", password))
    other = work(lambda: log_in("other@example.com", password))
    assert known == other
    assert known[0] == 400


@pytest.mark.usefixtures("_known")
def test_so_is_one_in_another_form(work):
    password = unicodedata.normalize("NFD", "비밀번호가깁니다")  # tried in two forms
    known = work(lambda: log_in("known@example.com", password))
    other = work(lambda: log_in("other@example.com", password))
    assert known == other
    assert known[2] == 2


@pytest.mark.control
@pytest.mark.usefixtures("_known")
def test_without_that_care_another_form_tells_who_has_an_account(work, monkeypatch):
    monkeypatch.delattr("accounts.auth_backends.EmailBackend._mitigate_timing_attack")
    password = unicodedata.normalize("NFD", "비밀번호가깁니다")
    known = work(lambda: log_in("known@example.com", password))
    other = work(lambda: log_in("other@example.com", password))
    assert known[2] != other[2]
