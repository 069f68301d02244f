"""JSON texts that every reader understands alike, and those that are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text import strict_json
from kernel.text.strict_json import DuplicateMember, NotText, NumberOutOfRange

_NUMBERS = st.one_of(
    st.integers(-(10**90), 10**90), st.floats(allow_nan=False, allow_infinity=False)
)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
)


@given(_VALUES)
def test_what_can_be_read_in_one_way_is_read_as_by_everybody(value):
    text = json.dumps(value)
    if "\\u0000" in text:
        with pytest.raises(NotText):
            strict_json.loads(text)
    else:
        assert strict_json.loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "number",
    [
        "1" * 101,
        "-" + "9" * 101,
        "1e999",
        "-1E999",
        "1.5e+999",
        "9" * 400 + ".5",
        "1" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
@pytest.mark.parametrize("around", ["{}", '[1, {{"a": {}}}]', '{{"text": "1e9", "n": [{}]}}'])
def test_a_number_out_of_range_is_refused_wherever_it_stands(number, around):
    with pytest.raises(NumberOutOfRange):
        strict_json.loads(around.format(number))


@pytest.mark.parametrize("number", ["1" * 100, "1e300", "0.5E-400", "1" * 60 + "." + "1" * 60])
def test_a_number_in_range_is_read(number):
    assert strict_json.loads(number) == json.loads(number)


def test_a_member_named_twice_is_refused():
    with pytest.raises(DuplicateMember):
        strict_json.loads('{"a": 1, "b": {"c": 1, "c": 2}}')
