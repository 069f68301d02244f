"""Base 45 is RFC 9285's, and each text that is taken is the one that would be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text import base45


@pytest.mark.parametrize(
    ("data", "text"),  # of RFC 9285, section 4
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"", "")],
)
def test_the_examples_of_the_rfc(data, text):
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@given(st.binary(max_size=200))
def test_what_is_written_is_read(data):
    text = base45.encode(data)
    assert base45.decode(text) == data
    assert set(text) <= set(base45.ALPHABET)


@given(st.text(base45.ALPHABET, max_size=12))
def test_what_is_read_would_be_written_so(text):
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text


@pytest.mark.parametrize("text", ["GGW", ":::", "::", "A", "ABCD", "ab8", "BB8\n", "BBé", "ＢＢ8"])
def test_what_nobody_writes_is_refused(text):
    with pytest.raises(ValueError, match=r"base 45|too many"):
        base45.decode(text)
