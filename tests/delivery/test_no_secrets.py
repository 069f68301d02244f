"""Nothing secret is in Git: its forms are looked for in every file, with one planted of each."""

import pytest

from tests.delivery.planted import FORMS, PLANTED, committed, found_in


def test_no_file_in_git_holds_a_secret():
    assert {name: found for name, text in committed() if (found := found_in(text))} == {}


@pytest.mark.control
@pytest.mark.parametrize("kind", FORMS)
def test_control_a_planted_secret_is_seen(kind):
    assert kind in found_in(f"a line before\n{PLANTED[kind]}\na line after\n")


def test_words_about_secrets_are_none():
    assert (
        found_in("DATABASE_URL=postgresql://frontrow:...@HOST/frontrow\npassword: ask\n") == set()
    )
