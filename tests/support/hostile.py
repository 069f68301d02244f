"""Send what no honest client would, to every operation of the OpenAPI document.

A new route is attacked by being there. What goes out passes through the WSGI application that the
server runs, with all that stands in front of Django.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.test import RequestFactory
from django.utils.datastructures import CaseInsensitiveMapping
from drf_spectacular.generators import SchemaGenerator

from accounts.models import User
from accounts.tokens import issue_access_token
from config.wsgi import application
from kernel import clock
from kernel.ids import uuid7

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None
    secured: bool
    takes_join_token: bool = False  # in place of a login

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_id(self) -> bool:
        return "{" in self.path

    def url(self, identifier: object = None) -> str:
        """Return the address with `identifier` (by default one of nothing) in place of each id."""
        return re.sub(r"{[^}]*}", str(identifier or uuid7()), self.path)

    @property
    def right_body(self) -> bytes:
        """The smallest body with which the ids of the path decide."""
        return b'{"payment_key": "k"}' if self.path.endswith("/confirm/") else b"{}"

    def names(self, place: str) -> list[str]:
        return [p["name"] for p in self.parameters if p["in"] == place]


def _operations() -> Iterator[Operation]:
    document = SchemaGenerator().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = None
            if "requestBody" in operation:
                media = operation["requestBody"]["content"]["application/json"]["schema"]
                body = schemas[media["$ref"].rpartition("/")[2]] if "$ref" in media else media
            yield Operation(
                method=method.upper(),
                path=path,
                parameters=tuple(operation.get("parameters", ())),
                body=body,
                secured=any(operation.get("security", ())),
                takes_join_token={"joinToken": []} in operation.get("security", ()),
            )


# Streams are another process's: tests/stack/test_streams.py attacks it.
OPERATIONS = [
    one
    for one in _operations()
    if one.path.startswith("/api/v1/") and not one.path.endswith("/stream/")
]
WITH_ID = [one for one in OPERATIONS if one.has_id]
WITH_BODY = [one for one in OPERATIONS if one.body is not None]
SECURED = [one for one in OPERATIONS if one.secured]
READS = [one for one in OPERATIONS if one.method == "GET"]
PATHS = sorted({one.path for one in OPERATIONS})


@dataclass(frozen=True)
class Answer:
    """What came out of the WSGI application."""

    status_code: int
    headers: CaseInsensitiveMapping
    content: bytes

    def check(self, method: str) -> "Answer":
        """Hold any answer to the contract's form: JSON, and a problem document for a refusal."""
        words = self.content[:500]
        assert self.status_code < 500 or self.status_code == 503, (self.status_code, words)
        assert "html" not in self.headers.get("Content-Type", ""), words
        if self.status_code >= 400 and method != "HEAD":
            assert self.headers["Content-Type"] == PROBLEM, words
            body = json.loads(self.content)
            assert body["status"] == self.status_code
            assert re.fullmatch(r"[a-z_]+", body["code"])
            assert body["type"] == f"/docs/errors#{body['code']}"
            assert {"title", "detail", "instance"} <= body.keys()
            assert b"Traceback" not in self.content
        return self


class Environs(RequestFactory):
    """Makes what a WSGI server hands over, before Django has looked at it."""

    def request(self, **values: Any) -> dict[str, Any]:  # type: ignore[override]
        environ = self._base_environ(**values)
        if "wsgi.input" in values:  # Django's stand-in fails where a server's input is at its end
            environ["wsgi.input"] = BytesIO(values["wsgi.input"].read())
        return environ


class Caller:
    """A client that sends what no honest client would, and looks at every answer."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def send(self, method: str, url: str, body: bytes = b"", **options: Any) -> Answer:
        content_type = options.pop("content_type", "application/json")
        headers = {"Idempotency-Key": str(uuid7()), **options.pop("headers", {})}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        environ = Environs().generic(
            method, url, body, content_type=content_type, headers=headers, **options
        )
        started: list[Any] = []
        chunks = application(environ, lambda *given: started.append(given))
        try:
            content = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        [(status, fields, *_)] = started
        answer = Answer(int(status.split()[0]), CaseInsensitiveMapping(fields), content)
        return answer.check(method)


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["code"]


def json_of(answer: Any) -> Any:
    return json.loads(answer.content)


def token_of(user: User, **changes: Any) -> str:
    options = {
        "user_id": user.pk,
        "session_id": "hostile",
        "is_staff": False,
        "groups": [],
        "now": clock.now(),
        "lifetime": timedelta(minutes=5),
    }
    return issue_access_token(**(options | changes))
