"""Texts that read alike are one text (Note [Texts that read alike])."""

import unicodedata
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text.spelling import canonical, composed, fold, is_code

SYLLABLES = "가나다라구역"


@pytest.mark.parametrize(
    "typed",
    ["12", "１２", "⑫", " 12", "12　", "1\u200b2", "\ufeff12", "1\u00ad2", "12\ufe0f", "１2"],
)
def test_one_number_typed_in_many_ways_is_one_code(typed):
    assert canonical(typed) == "12"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (unicodedata.normalize("NFD", SYLLABLES), SYLLABLES),
        ("ｶﾞ", "ガ"),
        ("A\u00a0 \u2003B", "A B"),
        ("B–1", "B-1"),
        ("B‑1", "B-1"),
        ("B−1", "B-1"),
        ("\u3164", ""),
        ("\u2800", ""),
        ("㈜", "(주)"),
        ("a\tb\r\n", "a b"),
        ("ᄀ\u034fᅡ", "가"),
        ("12\x07", "12"),
    ],
)
def test_a_code_is_kept_in_its_plainest_form(typed, kept):
    assert canonical(typed) == kept


@pytest.mark.parametrize(("one", "other"), [("vip", "VIP"), ("Straße", "STRASSE"), ("ａ", "A")])
def test_case_makes_no_other_code(one, other):
    assert fold(one) == fold(other)


def test_codes_that_read_differently_stay_two():
    assert len({fold(code) for code in ("1", "01", "1A", "1 A", "A1", "l", "가", "나")}) == 8


@pytest.mark.parametrize("code", ["", "x" * 11, "\ud800", "\ue000", "\U000e0fff", "\u0378"])
def test_what_can_not_be_read_is_no_code(code):
    assert not is_code(canonical(code), longest=10)


def test_a_text_keeps_its_look():
    title = "① ＴＷＩＣＥ — 가을밤 👨‍👩‍👧 ❤️"
    assert composed(unicodedata.normalize("NFD", title)) == title
    assert composed("\ufeff  가을\u200b밤\u202e ") == "가을밤"
    assert composed("two\r\nlines") == "two\r\nlines"


@given(st.text(st.characters(exclude_categories=()), max_size=12))
def test_each_form_is_its_own_form(typed):
    for form in (canonical, fold, composed):
        assert form(form(typed)) == form(typed)
    assert fold(canonical(typed)) == fold(typed)


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_however_a_keyboard_composes_it_is_one_code(typed):
    forms = {unicodedata.normalize(form, typed) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len({fold(form) for form in forms}) == 1


def test_every_character_alone_has_a_settled_form():
    unsettled = [
        hex(point)
        for point in chain(range(0x32000), range(0xE0000, 0xE1000))  # the rest is unassigned
        if canonical(canonical(chr(point))) != canonical(chr(point))
        or fold(fold(chr(point))) != fold(chr(point))
    ]
    assert unsettled == []
