"""Canonical spelling: one form for texts that read alike.

Note [Texts that read alike]
People type one thing in many ways: `12` and `１２`, a Hangul syllable whole or in letters (a Mac's
keyboard), a dash for a hyphen, an invisible character that came along from a web page. So there are
three forms, and nothing that people type is kept or compared in any other:

- A *code* (of a seat, row, section or grade) is kept `canonical`: NFKC, without invisible and
  control characters, every dash a hyphen, single blanks inside and none at the edges.
- Two codes are one code when their `fold`s are equal: the canonical form without case.
- A *text* (a title, a name) is kept `composed`: NFC, without what nobody meant to type; its look
  (`①`, full width, upper case) stays. It is searched by the `fold` of both sides.

`kernel.db.fields` bring values into their form on every way into a table, `kernel.db.spelling` says
the same in SQL for constraints, indexes and searches; a test compares both for every character.
Letters of different scripts that look alike (a Cyrillic `А`) stay different codes.
"""

import re
from unicodedata import normalize

# Python and PostgreSQL read these classes alike. Unicode's Default_Ignorable_Code_Point, and the
# control characters that aren't blanks.
INVISIBLE = (
    r"[\u0001-\u0008\u000E-\u001B\u007F-\u0084\u0086-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4"
    r"\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0"
    r"\uFFF0-\uFFF8\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]"
)
# What is left of Unicode's blanks by NFKC, and the Braille cell without a dot.
BLANKS = r"[\u0009-\u000D\u001C-\u0020\u0085\u1680\u2028\u2029\u2800]+"
# Hyphens, dashes and the minus sign; NFKC makes hyphens of the others.
DASHES = "\u2010\u2012\u2013\u2014\u2015\u2212"

_invisible = re.compile(INVISIBLE + "|\0")
_blanks = re.compile(BLANKS)
_dashes = str.maketrans(DASHES, "-" * len(DASHES))
# Invisible in a text too, where joiners and variation selectors have a meaning (emoji, Persian).
_unmeant = re.compile(
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F\u00AD\u200B\u200E\u200F\u202A-\u202E"
    r"\u2060-\u2069\uFEFF]"
)


def canonical(value: str) -> str:
    """Return the form in which a code is kept (Note [Texts that read alike])."""
    if value.isascii() and value.isalnum():
        return value
    visible = normalize("NFKC", _invisible.sub("", normalize("NFKC", value)))
    return _blanks.sub(" ", visible.translate(_dashes)).strip(" ")


def fold(value: str) -> str:
    """Return the form in which two texts are compared (Note [Texts that read alike])."""
    return normalize("NFKC", canonical(value).casefold())


def composed(value: str) -> str:
    """Return the form in which a title, a name or a longer text is kept."""
    if value.isascii() and value.isalnum():
        return value
    return normalize("NFC", _unmeant.sub("", value)).strip()


def is_code(value: str, *, longest: int) -> bool:
    """Say whether a canonical code can be read and printed, and isn't too long."""
    return 0 < len(value) <= longest and value.isprintable()
