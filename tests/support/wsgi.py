"""Call a WSGI application as a server does, and compare what answers in front of Django with it."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.handlers.wsgi import WSGIHandler

from accounts.models import User
from accounts.tokens import issue_access_token
from kernel import clock
from kernel.rate_limiting import throttle

HOLDS = "/api/v1/reservations/"
PAYMENTS = "/api/v1/payments/"


@dataclass(frozen=True)
class Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        return json.loads(self.body)


def answer_of(
    application: Callable[..., Any], environ: dict[str, Any], *, headers_once: bool = True
) -> Answer:
    """Call the application with an environment whose `wsgi.input` is bytes."""
    seen: list[Any] = []
    given = {**environ, "wsgi.input": io.BytesIO(environ["wsgi.input"])}
    parts = application(
        given, lambda status, headers, exc_info=None: seen.extend((status, headers))
    )
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers = seen
    if headers_once:
        assert len(dict(headers)) == len(headers), "a header is there twice"
    return Answer(status, sorted(headers), body)


def environment(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "10.1.2.3",
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.input": b"",
        "HTTP_X_REQUEST_ID": "the-same-for-both",
        **more,
    }


def json_body(content: bytes) -> dict[str, Any]:
    """Return what an environment says of a body of JSON, and the body."""
    return {
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": content,
    }


def bearer(user: User, *, session_id: str | None = None, now: datetime | None = None) -> str:
    """Return the `Authorization` of a fan."""
    token = issue_access_token(
        user_id=user.pk,
        session_id=session_id or str(user.pk),
        is_staff=False,
        groups=[],
        now=now or clock.now(),
    )
    return f"Bearer {token}"


def wish(user: User | None, body: Any, **more: Any) -> dict[str, Any]:
    """Return the environment of a wish for seats, by nobody where `user` is None."""
    return _post(HOLDS, user, body) | more


def payment(user: User | None, body: Any, **more: Any) -> dict[str, Any]:
    """Return the environment of a payment, under a new Idempotency-Key unless `more` has one."""
    return _post(PAYMENTS, user, body) | {"HTTP_IDEMPOTENCY_KEY": str(uuid4())} | more


def _post(path: str, user: User | None, body: Any) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    login = {} if user is None else {"HTTP_AUTHORIZATION": bearer(user)}
    return environment("POST", path, **json_body(content), **login)


class Twins:
    """Django alone, and something in front of a Django that counts how often it was needed."""

    def __init__(self, front: Callable[..., Any]) -> None:
        self.django = WSGIHandler()
        self.fast = front(self._count_and_pass_on)
        self.passed_on = 0

    def _count_and_pass_on(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.passed_on += 1
        return self.django(environ, start_response)

    def both(self, environ: dict[str, Any]) -> tuple[Answer, Answer]:
        """Return Django's answer and the one in front of it."""
        slow = answer_of(self.django, environ)
        throttle.forget_callers()
        fast = answer_of(self.fast, environ)
        throttle.forget_callers()
        return slow, fast
