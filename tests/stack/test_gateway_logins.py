"""Requests without a possible login end at the gateway, where that is on, as at the API."""

from uuid import uuid4

import pytest

HELD = f"/api/v1/reservations/{uuid4()}/"
NEEDS = [
    ("POST", f"/api/v1/performances/{uuid4()}/queue/"),
    ("POST", "/api/v1/reservations/"),
    ("POST", "/api/v1/payments/"),
    ("DELETE", HELD),
]
GOOD = "Bearer eyJ.eyJ-_9.c2ln"
FORGED = [
    "Bearer",
    "bearer abc",
    "Bearer a.b",
    "Bearer a.b.c.d",
    "Bearer a.b.c d",
    "BEARER ✓",
]


@pytest.fixture(scope="module")
def guarded(another_for_all):
    return another_for_all(logins=True)


@pytest.fixture
def refused(guarded):
    """Send a request, which must not reach the API or the service; return its refusal."""
    api, client = guarded
    api.forget()
    client.service.forget()

    def send(method: str, path: str, authorization: str | None = None, language: str = "en"):
        headers = {"Accept-Language": language}
        if authorization is not None:
            headers["Authorization"] = authorization.encode()
        answer = client.request(method, path, headers=headers)
        assert not api.seen + client.service.seen
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="frontrow"'
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Request-ID"]
        return answer

    return send


@pytest.mark.parametrize(("method", "path"), NEEDS)
def test_without_a_login_it_says_what_the_api_says(refused, method, path):
    assert refused(method, path).text == (
        '{"type":"/docs/errors#not_authenticated","title":"Unauthorized","status":401,'
        f'"detail":"Log in first.","instance":"{path}","code":"not_authenticated"}}'
    )
    assert refused(method, path, language="ko").json()["detail"] == "로그인이 필요합니다."


@pytest.mark.parametrize("forged", FORGED)
def test_what_can_be_no_token_is_refused_as_one(refused, forged):
    document = refused("POST", "/api/v1/reservations/", forged).json()
    assert document["code"] == "token_invalid"
    assert document["detail"] == "The access token is not valid."


@pytest.mark.parametrize(
    ("method", "path", "authorization"),
    [
        *[(method, path, GOOD) for method, path in NEEDS],
        ("POST", "/api/v1/reservations/", "bearer  a.b.c"),
        ("POST", "/api/v1/reservations/", "Basic YTpi"),
        ("GET", "/api/v1/reservations/", None),
        ("GET", HELD, None),
        ("POST", "/api/v1/payments/x/confirm/", None),
        ("POST", "/api/v1/webhooks/payments/", None),
        ("POST", "/ko/checkout/", None),
    ],
)
def test_what_may_have_a_login_or_needs_none_passes(guarded, method, path, authorization):
    api, client = guarded
    api.forget()
    client.service.forget()
    headers = {"Authorization": authorization} if authorization else {}
    client.request(method, path, headers=headers)
    assert len(api.seen) == 1


@pytest.mark.parametrize(("method", "path"), NEEDS)
def test_elsewhere_the_api_alone_says_so(client, api, method, path):
    client.request(method, path)
    assert len(api.seen) == 1


def test_nobody_reaches_the_refusals_own_place(client):
    assert client.get("/.login").status_code == 404
