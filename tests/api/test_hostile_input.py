"""Whatever is sent, the answer is JSON with the right status: never a 500, never HTML.

Every test walks the operations of the OpenAPI document, so a new route is covered by being there.
"""

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.models import User
from accounts.tokens import issue_access_token
from kernel import clock, keys
from kernel.ids import uuid7
from tests.support import factories

PROBLEM = "application/problem+json"
ADDRESS = "/api/v1/reservations/"


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None
    secured: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_id(self) -> bool:
        return "{" in self.path

    def url(self, identifier: object = None) -> str:
        """Return the address with `identifier` (by default one of nothing) in place of each id."""
        return re.sub(r"{[^}]*}", str(identifier or uuid7()), self.path)

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
            )


OPERATIONS = [one for one in _operations() if one.path.startswith("/api/v1/")]
WITH_ID = [one for one in OPERATIONS if one.has_id]
WITH_BODY = [one for one in OPERATIONS if one.body is not None]
SECURED = [one for one in OPERATIONS if one.secured]
READS = [one for one in OPERATIONS if one.method == "GET"]
PATHS = sorted({one.path for one in OPERATIONS})
each = pytest.mark.parametrize


class Caller:
    """A client that sends what no honest client would, and looks at every answer."""

    def __init__(self, token: str | None) -> None:
        self._client = Client(raise_request_exception=False)
        self.token = token

    def send(self, method: str, url: str, body: bytes = b"", **options: Any) -> Any:
        content_type = options.pop("content_type", "application/json")
        headers = {"Idempotency-Key": str(uuid7()), **options.pop("headers", {})}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = self._client.generic(
            method, url, body, content_type=content_type, headers=headers, **options
        )
        check(answer)
        return answer


def check(answer: Any) -> None:
    """Hold any answer to the contract's form: JSON, and a problem document for a refusal."""
    words = answer.content[:500]
    assert answer.status_code < 500 or answer.status_code == 503, (answer.status_code, words)
    assert "html" not in answer.headers.get("Content-Type", ""), words
    if answer.status_code >= 400 and answer.wsgi_request.method != "HEAD":
        assert answer.headers["Content-Type"] == PROBLEM, words
        body = json.loads(answer.content)
        assert body["status"] == answer.status_code
        assert re.fullmatch(r"[a-z_]+", body["code"])
        assert body["type"] == f"/docs/errors#{body['code']}"
        assert {"title", "detail", "instance"} <= body.keys()
        assert b"Traceback" not in answer.content


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["code"]


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


@pytest.fixture
def fan(db_ready: None) -> User:
    return factories.make_user()


@pytest.fixture
def caller(fan: User) -> Caller:
    return Caller(token_of(fan))


@pytest.fixture
def nobody(db_ready: None) -> Caller:
    return Caller(None)


def test_there_are_operations_to_attack():
    assert len(OPERATIONS) > 20
    assert len(WITH_BODY) >= 3
    assert len(SECURED) > 10


# --- Addresses

MALFORMED = [
    "not-a-uuid",
    "123",
    "0",
    "-1",
    "null",
    "00000000-0000-0000-0000-00000000000g",
    "%00",
    "%0d%0aSet-Cookie:%20a=b",
    "..%2f..%2fetc%2fpasswd",
    "%ff%fe",
    "%EA%B0%80",
    "' OR 1=1 --".replace(" ", "%20"),
    "a" * 5000,
]


@each("operation", WITH_ID, ids=str)
def test_a_malformed_id_is_not_found(operation: Operation, caller: Caller):
    for identifier in MALFORMED:
        answer = caller.send(operation.method, operation.url(identifier), b"{}")
        assert code_of(answer) == (404, "not_found"), identifier


@each("operation", WITH_ID, ids=str)
def test_an_id_of_nothing_is_not_found(operation: Operation, caller: Caller):
    for identifier in (
        uuid7(),
        "00000000-0000-0000-0000-000000000000",
        "f" * 8 + "-ffff" * 4 + "f" * 8,
    ):
        answer = caller.send(operation.method, operation.url(identifier), b"{}")
        # A place in a waiting room is asked for by token first.
        allowed = {404, 403} if "queue/me" in operation.path else {404}
        assert answer.status_code in allowed, identifier


@each("path", PATHS)
def test_methods_that_are_not_offered_are_refused(path: str, caller: Caller):
    offered = {one.method for one in OPERATIONS if one.path == path}
    url = Operation("", path, (), None, secured=True).url()
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"} - offered:
        answer = caller.send(method, url, b"{}")
        assert code_of(answer) == (405, "method_not_allowed"), method
        assert offered <= set(answer.headers["Allow"].split(", ")), method


@each(
    "path",
    ["", "nothing/", "reservations/x/y/", "reservations//", "%00", "%ff", "admin/", "x" * 9000],
)
def test_an_address_of_nothing_is_not_found(path: str, caller: Caller):
    for method in ("GET", "POST", "DELETE"):
        assert code_of(caller.send(method, f"/api/v1/{path}", b"{}")) == (404, "not_found")


def test_an_address_without_its_slash_never_takes_a_body(caller: Caller):
    for operation in WITH_BODY:
        answer = caller.send(operation.method, operation.url().rstrip("/"), b"{}")
        assert answer.status_code == 404


# --- Credentials


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign by hand: PyJWT refuses to make what an attacker would."""
    text = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{text}.{_part(hmac.digest(secret, text.encode(), 'sha256'))}"


def _forged(fan: User) -> dict[str, str]:
    now = clock.now()
    good = token_of(fan)
    header, payload, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    public = json.dumps(keys.public_jwks()).encode()
    unsigned = _part(b'{"alg":"none","typ":"JWT"}')
    staff = _part(json.dumps(claims | {"is_staff": True}).encode())
    return {
        "garbage": "garbage",
        "two dots": "..",
        "empty": "",
        "spaces": "a b c",
        "not base64": "!!!.!!!.!!!",
        "header is no object": f"{_part(b'[1]')}.{payload}.{signature}",
        "endless": "a." * 60_000,
        "not ASCII": "é" * 20,
        "algorithm none": f"{unsigned}.{payload}.",
        "signature cut": f"{header}.{payload}.",
        "claims changed": f"{header}.{staff}.{signature}",
        "public key as secret": _hs256({"alg": "HS256", "kid": kid}, claims, public),
        "unknown key": _hs256({"alg": "HS256", "kid": "nobody"}, claims, b"x" * 64),
        "kid is a path": _hs256({"alg": "RS256", "kid": "../x"}, claims, b"x" * 64),
        "kid is no text": _hs256({"alg": "RS256", "kid": {}}, claims, b"x" * 64),
        "names its own key": _hs256({"alg": "HS256", "jwk": {"kty": "oct"}}, claims, b""),
        "expired": token_of(fan, now=now - timedelta(hours=1)),
        "of another use": keys.sign_jwt("queue", claims),
        "for another audience": keys.sign_jwt("access", claims | {"aud": "somebody"}),
        "of another issuer": keys.sign_jwt("access", claims | {"iss": "somebody"}),
        "without a subject": keys.sign_jwt(
            "access", {name: value for name, value in claims.items() if name != "sub"}
        ),
        "subject is no id": keys.sign_jwt("access", claims | {"sub": "1"}),
        "groups are no list": keys.sign_jwt("access", claims | {"groups": 7}),
    }


@each("operation", SECURED, ids=str)
def test_nobody_is_asked_to_log_in(operation: Operation, nobody: Caller):
    answer = nobody.send(operation.method, operation.url(), b"not even JSON")
    assert code_of(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for scheme in ("Basic YTpi", "Digest x", "Bearer", "bearer ", "Api-Key x", "\x7f"):
        answer = nobody.send(
            operation.method, operation.url(), b"{}", headers={"Authorization": scheme}
        )
        assert answer.status_code == 401, scheme


@each("operation", SECURED, ids=str)
def test_a_token_that_is_not_ours_is_refused(operation: Operation, fan: User, nobody: Caller):
    for name, token in _forged(fan).items():
        answer = nobody.send(
            operation.method,
            operation.url(),
            b"{}",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 401, name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        wanted = {"token_expired"} if name == "expired" else {"token_invalid", "not_authenticated"}
        assert json.loads(answer.content)["code"] in wanted, name


# --- Bodies

LIMIT = 1024 * 1024
BODIES = {
    "not JSON": b"{",
    "text": b"hello",
    "array": b"[]",
    "null": b"null",
    "number": b"1",
    "string": b'"x"',
    "two documents": b"{}{}",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw NUL": b'{"a": "\x00"}',
    "escaped NUL": b'{"a": "\\u0000"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "nested arrays": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "member twice": b'{"method": "POINTS", "method": "CARD"}',
    "NaN": b'{"amount": NaN}',
    "infinity": b'{"amount": 1e400}',
    "endless number": b'{"amount": ' + b"9" * 10_000 + b"}",
}


@each("operation", WITH_BODY, ids=str)
def test_a_body_that_is_no_json_object_is_malformed(operation: Operation, caller: Caller):
    for name, body in BODIES.items():
        answer = caller.send(operation.method, operation.url(), body)
        assert code_of(answer) == (400, "malformed_json"), name


@each("operation", WITH_BODY, ids=str)
def test_a_huge_body_is_not_read(operation: Operation, caller: Caller):
    body = b'{"a": "' + b"x" * LIMIT + b'"}'
    assert code_of(caller.send(operation.method, operation.url(), body)) == (413, "body_too_large")


@each("operation", WITH_BODY, ids=str)
def test_only_json_is_taken(operation: Operation, caller: Caller):
    forms = {
        "text/plain": b"{}",
        "application/x-www-form-urlencoded": b"a=b",
        "multipart/form-data; boundary=x": b"--x--",
        "multipart/form-data": b"no boundary",
        "application/xml": b"<a/>",
        "text/html": b"<a>",
        "nonsense": b"{}",
        "application/json/json": b"{}",
        "\x00": b"{}",
    }
    for form, body in forms.items():
        answer = caller.send(operation.method, operation.url(), body, content_type=form)
        assert code_of(answer) == (415, "unsupported_media_type"), form


@each("operation", WITH_BODY, ids=str)
def test_an_unknown_member_is_pointed_at(operation: Operation, caller: Caller):
    answer = caller.send(operation.method, operation.url(), b'{"surprise/~": 1}')
    assert code_of(answer) == (400, "validation_failed")
    pointers = [one["pointer"] for one in json.loads(answer.content)["errors"]]
    assert "/surprise~1~0" in pointers


# What no member of any body may be.
WEIRD: list[Any] = [
    None,
    "",
    " ",
    "x" * 100_000,
    "가" * 300,
    "\u202e\u2066",
    "'; DROP TABLE x; --",
    "{{7*7}}",
    "../../etc/passwd",
    "file:///etc/passwd",
    "http://[::1",
    "javascript:alert(1)",
    -1,
    1.5,
    2**31,
    2**63,
    10**300,
    1e308,
    True,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"amount": {"amount": {}}},
    ["not-a-uuid"],
    [str(uuid7())] * 2,
    [str(uuid7()) for _ in range(5000)],
    list(range(5000)),
]


def _likely(member: dict[str, Any]) -> Any:
    """Return a value the schema of `member` takes."""
    if "enum" in member or "allOf" in member or "$ref" in member or "oneOf" in member:
        return "POINTS"
    match member.get("type"):
        case "string":
            return str(uuid7()) if member.get("format") == "uuid" else "https://example.com/"
        case "integer":
            return max(1000, member.get("minimum", 0))
        case "array":
            return [_likely(member["items"])]
    return {}


@each("operation", [one for one in WITH_BODY if one.body.get("properties")], ids=str)
def test_no_value_of_a_member_breaks_anything(operation: Operation, caller: Caller):
    members = operation.body["properties"]
    required = {name: _likely(members[name]) for name in operation.body.get("required", [])}
    for name in members:
        for value in WEIRD:
            body = json.dumps(required | {name: value}).encode()
            answer = caller.send(operation.method, operation.url(), body)
            assert answer.status_code in {400, 404}, (name, str(value)[:50])
    for name in required:
        rest = {other: value for other, value in required.items() if other != name}
        answer = caller.send(operation.method, operation.url(), json.dumps(rest).encode())
        assert code_of(answer) == (400, "validation_failed")
        assert f"/{name}" in [one["pointer"] for one in json.loads(answer.content)["errors"]]


# --- Queries and headers

VALUES = [
    "",
    "%00",
    "%ff",
    "%ED%A0%80",
    "x" * 8000,
    "%EA%B0%80" * 200,
    "-1",
    "0",
    "1e400",
    "99999999999999999999999",
    "null",
    "true",
    "[]",
    "2026-99-99",
    "2026-01-01T00:00:00",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00%2B14:00",
    "%27%20OR%201=1--",
    "%25",
    "%5C",
    "cD0yMDI2",  # a cursor, made up
    "cD0lMDA=",
]


@each("operation", READS, ids=str)
def test_no_query_breaks_anything(operation: Operation, caller: Caller):
    declared = operation.names("query")
    # Those it doesn't declare go together: they are only to be ignored.
    others = [name for name in ("cursor", "page", "page_size", "search") if name not in declared]
    for value in VALUES:
        queries = [f"{name}={value}" for name in [*declared, "format"]]
        for query in [*queries, "&".join(f"{name}={value}" for name in others)]:
            answer = caller.send("GET", f"{operation.url()}?{query}")
            assert answer.status_code in {200, 400, 403, 404}, query[:80]
    for query in ("&&&=", "=%00", "a=b&" * 1500, "%", "?" * 50):
        answer = caller.send("GET", f"{operation.url()}?{query}")
        assert answer.status_code in {200, 400, 403, 404}, query[:20]


@each("operation", OPERATIONS, ids=str)
def test_json_is_served_whatever_is_asked_for(operation: Operation, caller: Caller):
    for accept in (
        "text/html",
        "application/xml",
        "image/*",
        "nonsense",
        "*/*;q=x",
        "",
        "a" * 9000,
    ):
        answer = caller.send(operation.method, operation.url(), b"{}", headers={"Accept": accept})
        if answer.status_code == 406:
            assert code_of(answer) == (406, "not_acceptable"), accept


HEADERS = {
    "X-Queue-Token": ["", "x", "a.b.c", "é" * 30, "x" * 20_000, "null", ". . ."],
    "Idempotency-Key": ["", "short", "é" * 12, "x" * 256, '"unfinished', "tab\tinside", '""'],
    "Accept-Language": ["", "xx", "*", "ko;q=9", "a" * 5000, "é", "../../", "en-" * 500],
    "If-None-Match": ["", "*", '"', 'W/"', "é", '"a", ' * 2000],
    "If-Modified-Since": ["yesterday", "é", "Thu, 01 Jan 0000 00:00:00 GMT"],
    "Range": ["bytes=0-", "bytes=9-1", "é"],
    "Cookie": ["sessionid=x", "csrftoken=" + "a" * 9000, "é=é", ";;;=;"],
    "traceparent": ["x", "00-0-0-0", "é", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"],
    "X-Forwarded-For": ["", "x", "1.2.3.4, " * 500, "é", "::1%eth0"],
    "X-HTTP-Method-Override": ["DELETE", "BREW"],
    "Content-Encoding": ["gzip", "x"],
    "Expect": ["100-continue", "x"],
    "Origin": ["null", "http://evil.example", "é"],
}


@each("operation", OPERATIONS, ids=str)
def test_no_header_breaks_anything(operation: Operation, caller: Caller):
    for name, values in HEADERS.items():
        for value in values:
            answer = caller.send(operation.method, operation.url(), b"{}", headers={name: value})
            assert answer.status_code < 500, (name, value[:50])


@each("host", ["evil.example", "a b", "", "[::1", "localhost@evil.example"])
def test_a_foreign_host_is_refused(host: str, caller: Caller):
    answer = caller.send("GET", ADDRESS, headers={"Host": host})
    assert code_of(answer) == (400, "malformed_request")


@each(
    "given",
    [
        "short",
        "x" * 129,
        "a b c d e f",
        "ab\r\nSet-Cookie: a=b",
        "가나다라마바사아",
        "<script>x</script>",
    ],
)
def test_a_request_id_that_is_not_sane_is_replaced(given: str, caller: Caller):
    answer = caller.send("GET", ADDRESS, headers={"X-Request-ID": given})
    assert answer.status_code == 200
    assert re.fullmatch(r"[A-Za-z0-9._:\-]{8,128}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] != given
    assert "a" not in answer.cookies


def test_a_sane_request_id_comes_back(caller: Caller):
    given = "client-1.2:3_4"
    answer = caller.send("GET", ADDRESS, headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


def test_answers_to_a_caller_are_kept_by_no_cache(caller: Caller):
    for operation in OPERATIONS:
        answer = caller.send(operation.method, operation.url(), b"{}")
        assert answer.headers["Cache-Control"] == "private, no-store", str(operation)
