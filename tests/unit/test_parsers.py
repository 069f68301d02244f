"""A body is understood in one way, or refused."""

import io

import pytest
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError

from kernel.api.parsers import StrictJSONParser


def parse(raw: bytes):
    return StrictJSONParser().parse(io.BytesIO(raw))


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"{}", {}),
        ('{"이름": "가 \\uac00 \\ud83d\\ude00"}'.encode(), {"이름": "가 가 😀"}),
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
        pytest.param(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="nested deeply"),
    ],
)
def test_what_could_be_understood_otherwise_is_refused(raw):
    with pytest.raises(ParseError):
        parse(raw)


def test_a_body_is_never_read_past_the_limit(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert parse(b'{"a":  12}') == {"a": 12}
    stream = io.BytesIO(b'{"a": 123}' + b" " * 1000)
    with pytest.raises(RequestDataTooBig):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 11
