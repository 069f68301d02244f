"""What no honest client would send to django-allauth's addresses, logged in or not."""

import pytest
from django.test import Client

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"
ADDRESSES = [
    "auth/signup",
    "auth/login",
    "auth/session",
    "auth/reauthenticate",
    "auth/email/verify",
    "auth/password/request",
    "auth/password/reset",
    "account/email",
    "account/password/change",
    "tokens/refresh",
]
UNREADABLE = {
    "deep": b'{"email":' + b"[" * 60_000,
    "deep, and whole": b'{"email":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "half a pair in a password": b'{"email":"a@b.co","password":"\\ud800aaaaaaaaaaaa"}',
    "half a pair in an address": b'{"email":"\\ud800a@b.co","password":"orange-harbour-97"}',
    "half a pair in a token": b'{"refresh_token":"\\ud800","key":"\\ud800"}',
    "NUL": b'{"email":"a@b.co","password":"\\u0000aaaaaaaaaaa"}',
    "a list": b"[]",
    "a number": b"1",
    "not UTF-8": b"\xff\xfe",
    "no number": b'{"email":NaN}',
}
ODD = [
    b'{"email":["a"],"password":{"a":1},"refresh_token":5,"key":[],"new_password":1}',
    b'{"email":"' + b"a" * 200_000 + b'@b.co","password":"' + b"x" * 500_000 + b'"}',
    b'{"email":"\\u202e@b.co","password":"\\uff11\\u0661"}',
]


@pytest.fixture
def callers(db_ready):
    person = {"email": "new@example.com", "password": PASSWORD}
    answer = Client().post(f"{APP}/auth/signup", person, "application/json")
    token = answer.json()["meta"]["access_token"]
    return [{}, {"Authorization": f"Bearer {token}"}]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_body_that_is_no_clean_json_object_is_refused_as_everywhere(address, callers):
    for headers in callers:
        for what, body in UNREADABLE.items():
            answer = Client().post(
                f"{APP}/{address}", body, content_type="application/json", headers=headers
            )
            assert answer.status_code == 400, what
            assert answer["Content-Type"] == "application/problem+json", what
            assert answer.json()["code"] == "malformed_json", what


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_value_breaks_a_login_address(address, callers):
    for headers in callers:
        for body in ODD:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                answer = Client().generic(
                    method, f"{APP}/{address}", body, "application/json", headers=headers
                )
                assert answer.status_code < 500, (method, body[:40])


def test_a_body_over_the_limit_is_refused_as_such(callers):
    answer = Client().post(f"{APP}/auth/login", b" " * 2**21, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
