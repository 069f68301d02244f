"""Guards in SQL text: conditions, boundaries, locks.

A dropped condition stays in the text as `(TRUE OR (condition))`, so that the statement takes the
same parameters.
"""

import re
from collections.abc import Iterator

from tests.mutants.mutation import Edit
from tests.mutants.operators.masking import depths, masked, split

_STATEMENT = re.compile(
    r"\b(SELECT|UPDATE|DELETE FROM|INSERT INTO|FOR (NO KEY )?UPDATE)\b"
    r"|[<>=] %\(\w+\)s"  # a fragment with a parameter
)
_IGNORED = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_CLAUSE = re.compile(r"\b(WHERE|HAVING)\b")
_CLAUSE_END = re.compile(
    r"\b(GROUP BY|ORDER BY|LIMIT|OFFSET|FOR|RETURNING|UNION|HAVING|WINDOW|ON CONFLICT|WHERE)\b|;"
)
_LOCK = re.compile(
    r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?|\bSKIP LOCKED\b"
)
_WHEN = re.compile(r"\bWHEN\b(.*?)\bTHEN\b", re.DOTALL)
_BOUNDARY = re.compile(r"(?<![<>=!-])(<=|>=|<|>)(?![<>=])")
_BETWEEN = re.compile(r"\bBETWEEN\b(.*?)\bAND\b", re.DOTALL)
_OTHER = {"<=": "<", ">=": ">", "<": "<=", ">": ">="}


def is_sql(text: str) -> bool:
    """Say whether a string's text is SQL."""
    return _STATEMENT.search(text) is not None


def edits(text: str) -> Iterator[Edit]:
    """Yield the edits of a text in SQL; offsets are those of its UTF-8 bytes."""
    for edit in _edits(text):
        start = len(text[: edit.start].encode())
        end = start + len(text[edit.start : edit.end].encode())
        yield Edit(edit.operator, start, end, edit.replacement)


def _edits(text: str) -> Iterator[Edit]:
    plain = masked(text, _IGNORED)
    # The AND of BETWEEN joins no conditions.
    plain = _BETWEEN.sub(lambda m: m.group()[:-3] + "...", plain)
    level = depths(plain)
    for match in _CLAUSE.finditer(plain):
        end = _end_of_clause(plain, level, match.end())
        yield from _conditions(text, plain, match.end(), end)
    for match in _LOCK.finditer(plain):
        yield Edit("sql lock", match.start(), match.end(), b"")
        if " SKIP LOCKED" in match.group():
            at = match.start() + match.group().index(" SKIP LOCKED")
            yield Edit("sql skip locked", at, match.end(), b"")
    for match in re.finditer(r"\bpg_try_advisory_lock\(|\bpg_advisory_xact_lock\(", plain):
        instead = b"0 <= num_nulls(" if "try" in match.group() else b"num_nulls("
        yield Edit("sql lock", match.start(), match.end(), instead)
    for match in _WHEN.finditer(plain):
        start, end = match.span(1)
        yield Edit("sql negate", start, end, f" NOT ({text[start:end].strip()}) ".encode())
    for match in _BOUNDARY.finditer(plain):
        yield Edit("sql boundary", *match.span(), _OTHER[match.group()].encode())
    for match in re.finditer(r"\b(GREATEST|LEAST)(?=\()", plain):
        other = b"LEAST" if match.group() == "GREATEST" else b"GREATEST"
        yield Edit("sql bound", *match.span(), other)


def _end_of_clause(plain: str, level: list[int], start: int) -> int:
    depth = level[start]
    for at in range(start, len(plain)):
        if level[at] < depth:
            return at
        if level[at] == depth and _CLAUSE_END.match(plain, at):
            return at
    return len(plain)


def _conditions(text: str, plain: str, start: int, end: int) -> Iterator[Edit]:
    for a, b in split(plain[start:end], "AND"):
        part = text[start + a : start + b]
        yield Edit("sql condition", start + a, start + b, f"(TRUE OR ({part}))".encode())
        inside = plain[start + a : start + b]
        if inside.startswith("(") and inside.endswith(")"):
            choices = list(split(inside[1:-1], "OR"))
            for c, d in choices if len(choices) > 1 else []:
                at = start + a + 1
                choice = text[at + c : at + d]
                yield Edit("sql choice", at + c, at + d, f"(FALSE AND ({choice}))".encode())
