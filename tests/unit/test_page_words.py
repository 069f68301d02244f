"""Every refusal that a page can meet has words in both languages."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from storefront import words

HANGUL = re.compile(r"[가-힣]")


def codes() -> set[str]:
    listed = (Path(settings.BASE_DIR) / "docs" / "errors.md").read_text()
    return set(re.findall(r'<a id="(\w+)">', listed))


def test_every_code_has_words_or_a_reason_to_have_none():
    assert len(codes()) > 100
    assert words.NOT_ON_PAGES & words.WORDS.keys() == set()
    assert words.NOT_ON_PAGES | words.WORDS.keys() == codes()


@pytest.mark.control
def test_control_a_new_code_is_missed(monkeypatch):
    monkeypatch.delitem(words.WORDS, "seat_taken")
    assert words.NOT_ON_PAGES | words.WORDS.keys() != codes()


@pytest.mark.parametrize("code", sorted(words.WORDS))
def test_words_read_in_both_languages(code):
    for text in (words.WORDS[code].title, words.WORDS[code].advice):
        with translation.override("ko"):
            assert HANGUL.search(str(text))
        with translation.override("en"):
            assert str(text)
            assert not HANGUL.search(str(text))
