"""A body is taken as the document describes it, or refused with a pointer to what is wrong."""

import json
from typing import Any

import pytest

from kernel.http.body_limits import limit_of
from kernel.ids import uuid7
from tests.support.hostile import WITH_BODY, Caller, Operation, code_of

each = pytest.mark.parametrize


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
    "nested arrays": b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "many members": b'{"a": [' + b"1," * 20_000 + b"1]}",
    "many objects": b'{"a": [' + b"{}," * 10_000 + b"{}]}",
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
    body = b'{"a": "' + b"x" * limit_of(operation.url()) + b'"}'
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
    "x" * 60_000,
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
    [str(uuid7()) for _ in range(1500)],
    [str(uuid7()) for _ in range(5000)],
    list(range(4000)),
]
# A person's own words may be any of these texts, and a switch is on or off.
FREE = {("PATCH /api/v1/me/", name) for name in ("display_name", "phone", "extra_time")}


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
            allowed = {400, 404} if len(body) <= limit_of(operation.url()) else {413}
            if answer.status_code == 200 and (str(operation), name) in FREE:
                continue
            assert answer.status_code in allowed, (name, str(value)[:50])
    for name in required:
        rest = {other: value for other, value in required.items() if other != name}
        answer = caller.send(operation.method, operation.url(), json.dumps(rest).encode())
        assert code_of(answer) == (400, "validation_failed")
        assert f"/{name}" in [one["pointer"] for one in json.loads(answer.content)["errors"]]
