"""Files and notes that comments and documents name are there."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.test_code_rules import APPS, ROOT

FOLDERS = "|".join(
    [*APPS, "config", "fastpath", "stack", "stream", "docs", "tests", "bench", "requirements"]
)
FILE = re.compile(rf"(?<![\w/.<*{{}}-])((?:{FOLDERS})/[\w./-]+\.(?:py|lua|md|toml|template|sh))\b")
NOTE = re.compile(r"Note \[([^\]]+)\]")
# Between two lines of a comment, a text or a literal in Python, Lua, nginx' language or Markdown.
BREAK = re.compile(r'"?\s*\n\s*(?:#|--|f?")?\s*')
# Made at run time, or made up by a test.
NOT_THERE = {"kernel/gone.py", "tests/mutants/survivors.toml"}
NO_TITLE = {"...", "Hold deadline"}  # examples of how to write one


@cache
def texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    named = (name for name in listed.stdout.splitlines() if is_prose(name))
    return {name: (ROOT / name).read_text() for name in named if (ROOT / name).is_file()}


def is_prose(name: str) -> bool:
    return Path(name).suffix in (".py", ".lua", ".md", ".template") and name != "CHANGELOG.md"


def cited() -> Iterator[tuple[str, str]]:
    for name, text in texts().items():
        for title in NOTE.findall(BREAK.sub(" ", text)):
            yield name, " ".join(title.split())


def test_every_file_that_is_named_is_there():
    missing = [
        f"{name}: {path}"
        for name, text in texts().items()
        for path in FILE.findall(text)
        if not (ROOT / path).exists() and path not in NOT_THERE
    ]
    assert missing == []


def test_every_note_that_is_cited_is_written_once():
    begun = re.compile(r"^\W*Note \[([^\]]+)\]", re.MULTILINE)
    titles = {title for text in texts().values() for title in begun.findall(text)}
    unwritten = [f"{name}: {title}" for name, title in cited() if title not in titles | NO_TITLE]
    assert unwritten == []


def test_there_are_notes_to_cite():
    assert len({title for _, title in cited()}) > 50
