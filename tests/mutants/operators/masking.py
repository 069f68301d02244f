"""Look for words in source text without meeting them in comments and strings."""

import re
from collections.abc import Iterator


def masked(text: str, ignored: re.Pattern[str]) -> str:
    """Return the text with everything `ignored` matches replaced by dots, as long as before."""
    return ignored.sub(lambda match: "." * len(match.group()), text)


def depths(text: str) -> list[int]:
    """Return how deep in parentheses each character stands."""
    depth, found = 0, []
    for character in text:
        if character in ")]}":
            depth -= 1
        found.append(depth)
        if character in "([{":
            depth += 1
    return found


def split(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of the parts between `word`s outside parentheses, blanks left out."""
    level, start = depths(text), 0
    borders = [m.span() for m in re.finditer(rf"\b{word}\b", text) if level[m.start()] == 0]
    for end, following in [*borders, (len(text), len(text))]:
        part = text[start:end]
        blank = len(part) - len(part.lstrip())
        if part.strip():
            yield start + blank, start + len(part.rstrip())
        start = following
