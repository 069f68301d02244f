"""Who is believed to be whom, and what that costs."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from redis.connection import ConnectionPool
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import revocation, tokens
from accounts.api.permissions import InGroup, IsStaffMember, LoggedIn
from kernel import clock
from kernel.ids import uuid7
from kernel.signing.jwt import sign_jwt

USER = uuid7()


class _Whoami(APIView):
    permission_classes = [LoggedIn]

    def get(self, request):
        caller = request.user
        return Response(
            {
                "user_id": caller.user_id,
                "session_id": caller.session_id,
                "groups": sorted(caller.groups),
            }
        )


class _Staff(_Whoami):
    permission_classes = [IsStaffMember]


class _Door(_Whoami):
    permission_classes = [InGroup("door", "operator")]


urlpatterns = [
    path("api/v1/whoami/", _Whoami.as_view()),
    path("api/v1/staff/", _Staff.as_view()),
    path("api/v1/door/", _Door.as_view()),
]

pytestmark = pytest.mark.urls(__name__)


def token(**changes):
    fields = {
        "user_id": USER,
        "session_id": "session-1",
        "is_staff": False,
        "groups": ["door"],
        "now": clock.now(),
    }
    return tokens.issue_access_token(**(fields | changes))


def get(header=None, path="/api/v1/whoami/"):
    return Client().get(path, headers={"Authorization": header} if header is not None else {})


def claims(**changes):
    now = int(clock.now().timestamp())
    base = {
        "aud": tokens.ACCESS_AUDIENCE,
        "sub": str(USER),
        "sid": "s",
        "token_use": "access",
        "is_staff": False,
        "groups": [],
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def test_the_caller_is_what_the_claims_say():
    answer = get(f"Bearer {token()}")
    assert answer.json() == {
        "user_id": str(USER),
        "session_id": "session-1",
        "groups": ["door"],
    }
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_believing_a_token_costs_no_statement_and_no_redis_call(monkeypatch):
    get(f"Bearer {token()}")  # the first request of a process copies the revoked sessions

    def refuse(*args, **kwargs):
        raise AssertionError("a Redis connection was taken")

    here = threading.get_ident()
    original = ConnectionPool.get_connection

    def only_other_threads(self, *args, **kwargs):
        if threading.get_ident() == here:
            refuse()
        return original(self, *args, **kwargs)

    monkeypatch.setattr(ConnectionPool, "get_connection", only_other_threads)
    with CaptureQueriesContext(connection) as statements:
        assert get(f"Bearer {token()}").status_code == 200
    assert len(statements) == 0


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("", "not_authenticated"),
        ("Basic dXNlcjpwdw==", "not_authenticated"),
        ("Bearer", "token_invalid"),
        ("Bearer ", "token_invalid"),
        ("Bearer not.a.token", "token_invalid"),
        ("Bearer a b c", "token_invalid"),
        ("Bearer " + "x" * 9000, "token_invalid"),
        ("Bearer \x00\x01", "token_invalid"),
    ],
)
def test_a_bad_header_is_401_with_a_challenge(header, code):
    answer = get(header)
    assert answer.status_code == 401
    assert answer.json()["code"] == code
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_says_so():
    long_ago = clock.now() - timedelta(hours=1)
    answer = get(f"Bearer {token(now=long_ago)}")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


@pytest.mark.parametrize(
    ("use", "changes"),
    [
        ("access", {"token_use": "refresh"}),
        ("access", {"token_use": ...}),
        ("access", {"aud": tokens.REFRESH_AUDIENCE}),
        ("access", {"sub": "nobody"}),
        ("access", {"sub": 7}),
        ("access", {"sub": ...}),
        ("access", {"sid": ...}),
        ("access", {"sid": ["a"]}),
        ("access", {"groups": ...}),
        ("access", {"groups": 5}),
        ("access", {"groups": [["a"]]}),
        ("access", {"is_staff": ...}),
        ("queue", {}),
        ("ticket", {}),
        ("proof", {}),
    ],
)
def test_a_token_of_ours_that_is_no_access_token_is_invalid(use, changes):
    answer = get(f"Bearer {sign_jwt(use, claims(**changes))}")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


def test_staff_is_only_what_the_claim_says_literally():
    assert get(f"Bearer {token(is_staff=True)}", "/api/v1/staff/").status_code == 200
    assert get(f"Bearer {token()}", "/api/v1/staff/").status_code == 403
    forged = sign_jwt("access", claims(is_staff="true"))
    assert get(f"Bearer {forged}", "/api/v1/staff/").status_code == 403


def test_a_group_opens_its_own_doors():
    assert get(f"Bearer {token()}", "/api/v1/door/").status_code == 200
    assert get(f"Bearer {token(groups=['finance'])}", "/api/v1/door/").status_code == 403
    assert get(None, "/api/v1/door/").status_code == 401


def test_a_revoked_session_is_refused_at_once_by_the_process_that_ended_it():
    ended = uuid7().hex
    assert get(f"Bearer {token(session_id=ended)}").status_code == 200
    revocation.revoke([ended])
    answer = get(f"Bearer {token(session_id=ended)}")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


def test_a_revoked_id_is_dropped_when_its_last_token_has_expired(monkeypatch):
    sessions = revocation.RevokedSessions()
    with override_settings(ACCESS_TOKEN_SECONDS=30, TEST_FANS_ALLOWED=False):
        sessions.add(["short"])
    sessions.refresh()
    assert "short" in sessions._until
    later = revocation.time.monotonic() + 36
    monkeypatch.setattr(revocation.time, "monotonic", lambda: later)
    sessions.refresh()
    assert "short" not in sessions._until
