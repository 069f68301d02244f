"""A refused call runs no statement, asks Redis for nothing and renders nothing.

Every route of the URL configuration and every method is tried, of both APIs: a new one is tried by
being there.
"""

from contextlib import contextmanager

import pytest
from drf_spectacular.generators import SchemaGenerator

from config.wsgi import application
from kernel.http import static_documents
from tests.support.hostile import OPERATIONS, WITH_BODY
from tests.support.round_trips import counted_round_trips
from tests.support.routes import routes
from tests.support.wsgi import answer_of, bearer, environment, json_body

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROUTES = [*routes("api/v1/"), *routes("_allauth/app/v1/")]
LOGIN_API = "/_allauth/app/v1/"
# The 401 of what asks for a login, and what is wrong with the call itself.
REFUSED = {401, 403, 405, 413, 415}


pytestmark = pytest.mark.usefixtures("nothing_counted")


@contextmanager
def nothing_is_asked(monkeypatch):
    """Fail where anything inside asks a server or renders."""

    def render(*_, **__):
        raise AssertionError("something was rendered")

    with monkeypatch.context() as patch, counted_round_trips() as trips:
        patch.setattr("django.template.base.Template.render", render)
        patch.setattr(SchemaGenerator, "get_schema", render)
        patch.setattr(static_documents, "static_document_of", render)
        yield
    assert (trips.sql, trips.redis) == ([], [])


def status_of(environ) -> int:
    return int(answer_of(application, environ).status[:3])


def sent(method, path, body=b"", **more):
    return environment(method, path, **json_body(body), **more)


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"HTTP_AUTHORIZATION": "Bearer made.up.token"},
        {"HTTP_AUTHORIZATION": "Basic YTpi"},
        {"HTTP_X_QUEUE_TOKEN": "made.up.token"},
        {"HTTP_AUTHORIZATION": "Bearer made.up.token", "HTTP_X_QUEUE_TOKEN": "made.up.token"},
    ],
    ids=["no token", "a made-up token", "another scheme", "a made-up join token", "both made up"],
)
def test_without_a_login(db_ready, monkeypatch, shown):
    monkeypatch.setattr("django.template.base.Template.render", lambda *_: "")
    for route in ROUTES:
        operations = [one for one in OPERATIONS if route.is_at(one.path)]
        secured = {one.method for one in operations if one.secured}
        by_token = {one.method for one in operations if one.takes_join_token}
        for method in METHODS:
            environ = sent(method, route.url(), b"{}", **shown)
            with counted_round_trips() as trips:
                status = status_of(environ)
            if status in REFUSED:
                assert (trips.sql, trips.redis) == ([], []), (method, route)
            token_is_read = method in by_token and list(shown) == ["HTTP_X_QUEUE_TOKEN"]
            expected = 403 if token_is_read else 401
            assert status == expected or method not in secured, (method, route)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_with_a_malformed_body(fan, monkeypatch, settings, operation):
    settings.SHARED_RATE_LIMITS = set()  # the one call of Redis that money has: its count
    # The first login that a process meets reads which ones were revoked.
    assert status_of(environment("GET", "/api/v1/points/", HTTP_AUTHORIZATION=bearer(fan))) == 200
    for body in (b"{", b"[]", b'{"surprise":1}', b'{"a":' + b"[" * 40):
        environ = sent(
            operation.method,
            operation.url(),
            body,
            HTTP_AUTHORIZATION=bearer(fan),
            HTTP_IDEMPOTENCY_KEY="a-key-of-no-use",
        )
        with nothing_is_asked(monkeypatch):
            assert status_of(environ) in {400, 403}, body  # 403: what fans may not do at all


def test_the_login_api_with_a_malformed_body(db_ready, monkeypatch):
    for route in routes("_allauth/app/v1/"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with nothing_is_asked(monkeypatch):
                assert status_of(sent(method, route.url(), b"{")) in {400, 405}, (method, route)


@pytest.mark.parametrize("prefix", ["/api/v1/", LOGIN_API, "/", "/admin/", "/docs/events/"])
def test_an_unknown_path(db_ready, monkeypatch, prefix):
    for path in ("nowhere/", "nowhere", "a/b/c/d/", "%00", "x" * 2000):
        if prefix in ("/admin/", "/docs/events/") and path != "a/b/c/d/":
            continue  # staff are sent to their login there
        with nothing_is_asked(monkeypatch):
            assert status_of(environment("GET", prefix + path)) in {302, 404}, path


def test_over_the_limit(db_ready, settings, monkeypatch):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "1/hour"}
    status_of(environment("GET", "/healthz/live"))
    for route in routes():
        if route.route.startswith("healthz/"):
            continue  # probes are never refused
        for method in METHODS if route in ROUTES else METHODS[:2]:
            environ = sent(method, route.url(), b"{}", HTTP_AUTHORIZATION="Bearer made.up.token")
            with nothing_is_asked(monkeypatch):
                assert status_of(environ) == 429, (method, route)


def test_with_a_body_that_is_too_long(db_ready, monkeypatch):
    length = str(33 * 1024 * 1024 + 1)
    for route in ROUTES:
        for method in METHODS:
            with nothing_is_asked(monkeypatch):
                environ = sent(method, route.url()) | {"CONTENT_LENGTH": length}
                answer = answer_of(application, environ)
            assert answer.status.startswith("413"), (method, route)
            assert answer.json()["code"] == "body_too_large"


@pytest.mark.control
def test_control_what_asks_is_seen(db_ready, monkeypatch):
    environ = environment("GET", "/api/v1/concerts/")
    with pytest.raises(AssertionError), nothing_is_asked(monkeypatch):
        status_of(environ)
