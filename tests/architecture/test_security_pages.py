"""The pages of docs/security: every requirement has its row, and what a row names is there."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.test_code_rules import ROOT

FOLDER = ROOT / "docs" / "security"
INDEX = FOLDER / "README.md"
CHAPTERS = sorted(FOLDER.glob("V*.md"))
STATES = ("met", "written", "untested", "n/a", "**not met**")
# ASVS 5.0.0 by section: the level of its first requirement, its second and so on; `-` is level 3.
# V17 (WebRTC) is left out.
LEVELS = {
    "1.1": "22",
    "1.2": "111112222",
    "1.3": "11222222222",
    "1.4": "222",
    "1.5": "12",
    "2.1": "122",
    "2.2": "112",
    "2.3": "1222",
    "2.4": "2",
    "3.2": "11",
    "3.3": "1222",
    "3.4": "112222",
    "3.5": "11122",
    "3.7": "22",
    "4.1": "122",
    "4.2": "2",
    "4.3": "22",
    "4.4": "1222",
    "5.1": "2",
    "5.2": "112",
    "5.3": "11",
    "5.4": "222",
    "6.1": "122",
    "6.2": "111111112222",
    "6.3": "1122",
    "6.4": "1122",
    "6.5": "22222",
    "6.6": "222",
    "6.8": "2222",
    "7.1": "222",
    "7.2": "1111",
    "7.3": "22",
    "7.4": "11222",
    "7.5": "22",
    "7.6": "22",
    "8.1": "12",
    "8.2": "112",
    "8.3": "1",
    "8.4": "2",
    "9.1": "111",
    "9.2": "1222",
    "10.1": "22",
    "10.2": "22",
    "10.3": "2222",
    "10.4": "11111222222",
    "10.5": "22222",
    "10.6": "22",
    "10.7": "222",
    "11.1": "22",
    "11.2": "222",
    "11.3": "112",
    "11.4": "1222",
    "11.5": "2",
    "11.6": "2",
    "12.1": "122",
    "12.2": "11",
    "12.3": "2222",
    "13.1": "2",
    "13.2": "22222",
    "13.3": "22",
    "13.4": "12222",
    "14.1": "22",
    "14.2": "1222",
    "14.3": "122",
    "15.1": "122",
    "15.2": "122",
    "15.3": "1222222",
    "16.1": "2",
    "16.2": "22222",
    "16.3": "2222",
    "16.4": "222",
    "16.5": "222",
}
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
UNMET = re.compile(r"^\| \[(\d+\.\d+\.\d+)\]\((V[\w-]+\.md)\) \| ([12]) \|", re.MULTILINE)
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)(?:::(\w+))?`")
NO_PATH = {"n/a", "image/webp"}


def row_ids() -> list[tuple[str, str, str, str]]:
    """Return id, level, state and page of each row."""
    return [
        (identifier, level, state, page.name)
        for page in CHAPTERS
        for identifier, level, _, state, _ in ROW.findall(page.read_text())
    ]


def missing_in(text: str) -> list[str]:
    """Return the paths and tests that a text names and that aren't there."""
    return [
        f"{path}::{name}" if name else path
        for path, name in NAMED.findall(text)
        if path not in NO_PATH and not _is_there(path, name)
    ]


def _is_there(path: str, name: str) -> bool:
    if not (ROOT / path).exists():
        return False
    return not name or name in _tests_in(ROOT / path)


@cache
def _tests_in(path: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE))


def test_every_requirement_has_one_row_with_its_level():
    wanted = sorted(
        (f"{section}.{number}", level)
        for section, levels in LEVELS.items()
        for number, level in enumerate(levels, 1)
        if level != "-"
    )
    assert len(wanted) == 246
    assert sorted((identifier, level) for identifier, level, _, _ in row_ids()) == wanted


def test_a_row_stands_on_the_page_of_its_chapter():
    assert [
        (identifier, page)
        for identifier, _, _, page in row_ids()
        if not page.startswith(f"V{int(identifier.partition('.')[0]):02}-")
    ] == []


@pytest.mark.parametrize("page", [INDEX, *CHAPTERS], ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path):
    assert missing_in(page.read_text()) == []


@pytest.mark.control
def test_control_what_is_gone_is_seen():
    text = "`kernel/gone.py`, `tests/unit/test_jwt.py::test_nothing`, `tests/unit/test_jwt.py`"
    assert missing_in(text) == ["kernel/gone.py", "tests/unit/test_jwt.py::test_nothing"]


def test_what_is_met_names_its_test_and_what_is_written_its_page():
    rows = [row for page in CHAPTERS for row in ROW.findall(page.read_text())]
    proof = {"met": "`tests/", "written": ""}
    assert [row[0] for row in rows if proof.get(row[3], "") not in row[4]] == []
    assert [row[0] for row in rows if row[3] not in STATES or len(row[4]) < 3] == []
    unlinked = [row[0] for row in rows if row[3] == "written" and not _points(row[4])]
    assert unlinked == []


def _points(how: str) -> bool:
    return "](" in how or bool(re.search(r"\b(above|table)\b", how, re.IGNORECASE))


def test_the_index_lists_what_is_not_met_and_counts_the_rest():
    text = INDEX.read_text()
    unmet = [(i, page, level) for i, level, state, page in row_ids() if state == "**not met**"]
    assert UNMET.findall(text) == unmet
    counts = Counter((page, state) for _, _, state, page in row_ids())
    for page in CHAPTERS:
        figures = " | ".join(str(counts[page.name, state]) for state in STATES)
        assert f"]({page.name}) | {figures} |" in text
    total = Counter(state for _, _, state, _ in row_ids())
    assert f"| all | {' | '.join(str(total[state]) for state in STATES)} |" in text
