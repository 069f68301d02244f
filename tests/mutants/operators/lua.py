"""Guards in Lua: conditions, boundaries, bounds."""

import re
from collections.abc import Iterator

from tests.mutants.mutation import Edit
from tests.mutants.operators.masking import masked, split

_IGNORED = re.compile(r"--\[\[[\s\S]*?\]\]|--[^\n]*|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_CONDITION = re.compile(r"\b(?:if|elseif|while)\b(.*?)\b(?:then|do)\b", re.DOTALL)
_BOUNDARY = re.compile(r"(?<![<>=~])(<=|>=|<|>)(?![<>=])")
_OTHER = {"<=": "<", ">=": ">", "<": "<=", ">": ">="}


def edits(text: str) -> Iterator[Edit]:
    """Yield the edits of a Lua source (ASCII, so bytes and characters agree)."""
    assert text.isascii(), "offsets of bytes and of characters would differ"
    plain = masked(text, _IGNORED)
    for match in _CONDITION.finditer(plain):
        yield from _condition(text, plain, *match.span(1))
    for match in _BOUNDARY.finditer(plain):
        yield Edit("lua boundary", *match.span(), _OTHER[match.group()].encode())
    for match in re.finditer(r"\bmath\.(max|min)\b", plain):
        other = "min" if match.group(1) == "max" else "max"
        yield Edit("lua bound", *match.span(1), other.encode())


def _condition(text: str, plain: str, start: int, end: int) -> Iterator[Edit]:
    yield Edit("lua negate", start, end, f" not ({text[start:end].strip()}) ".encode())
    for word, neutral in (("and", b"true"), ("or", b"false")):
        parts = list(split(plain[start:end], word))
        for a, b in parts if len(parts) > 1 else []:
            yield Edit(f"lua drop {word}", start + a, start + b, neutral)
