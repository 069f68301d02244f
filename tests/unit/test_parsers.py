"""A body is understood in one way, or refused."""

import io

import pytest
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError

from kernel.http.parsers import StrictJSONParser


def parse(raw: bytes):
    return StrictJSONParser().parse(io.BytesIO(raw))


def nested(levels: int) -> list:
    return [] if levels == 1 else [nested(levels - 1)]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"{}", {}),
        ('{"이름": "가 \\uac00 \\ud83d\\ude00"}'.encode(), {"이름": "가 가 😀"}),
        (b'{"a": ' + b"[" * 15 + b"]" * 15 + b"}", {"a": nested(15)}),
        (b'{"a": [' + b"0," * 4000 + b"0]}", {"a": [0] * 4001}),
        (rb'{"path": "C:\\u0000", "n": [1.5, null]}', {"path": "C:\\u0000", "n": [1.5, None]}),
    ],
)
def test_an_object_is_read(raw, data):
    assert parse(raw) == data


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[]", id="array"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a": 1, "a": 2}', id="member twice"),
        pytest.param(b'{"x": {"a": 1, "\\u0061": 2}}', id="member twice, escaped"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": 1e999}', id="out of range"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="endless number"),
        pytest.param(b'{"a": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"a": [{"\\u0000": 1}]}', id="NUL in a name"),
        pytest.param(b'{"a": ["\\u0000"]}', id="NUL in a list"),
        pytest.param(b'{"a": "\0"}', id="raw NUL"),
        pytest.param(b'{"a": ' + b"[" * 17 + b"]" * 17 + b"}", id="nested deeply"),
        pytest.param(b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", id="an abyss"),
        pytest.param(b'{"a": [' + b"0," * 4097 + b"0]}", id="many members"),
        pytest.param(b'{"a": [' + b"{}," * 1024 + b"{}]}", id="many objects"),
    ],
)
def test_what_could_be_understood_otherwise_is_refused(raw):
    with pytest.raises(ParseError):
        parse(raw)


def test_a_body_is_never_read_past_the_limit(settings):
    settings.BODY_LIMIT = 10
    assert parse(b'{"a":  12}') == {"a": 12}
    stream = io.BytesIO(b'{"a": 123}' + b" " * 1000)
    with pytest.raises(RequestDataTooBig):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 11
