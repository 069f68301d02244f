"""Documents keep their form, and name only what exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
READMES = sorted(
    [
        *(ROOT / name / "README.md" for name in ("fastpath", "observability", "stream")),
        *(p.parent / "README.md" for p in ROOT.glob("*/apps.py")),
    ]
)
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
        *READMES,
    ]
)
HISTORY = ROOT / "CHANGELOG.md"  # names what a version had
README_FORM = ["Owns", "Invariants", "Events", "Lock order", "Where to look"]
DECISION_FORM = ["Context", "Decision", "Alternatives", "Consequences"]
STATUS = re.compile(
    r"accepted(; amend(s|ed by) \[\d{4}\]\([\w-]+\.md\))*|replaced by \[\d{4}\]\([\w-]+\.md\)"
)
NOT_PLAIN = re.compile(r"\b(anew|whoever|whosoever|told|is had)\b", re.IGNORECASE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def sections(page: Path) -> list[str]:
    """The titles of a page's sections, without those inside code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def rows(page: Path) -> list[list[str]]:
    """The cells of a page's tables, without their headers."""
    lines = re.findall(r"^\| (.*) \|$", page.read_text(), re.MULTILINE)
    return [re.split(r" \| ", line) for line in lines]


@cache
def defined_in(path: Path) -> set[str]:
    """What a module defines, `Class.method` among it; in Lua its functions."""
    text = path.read_text()
    if path.suffix == ".lua":
        names = re.findall(r"function ([\w.]+)\s*\(", text)
        return {*names, *re.findall(r"register_function\W+(?:function_name\W+)?(\w+)", text)}
    found: set[str] = set()
    for node in ast.parse(text).body:
        found |= _names(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in _names(inner)}
    return found


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return {target.id for target in targets if isinstance(target, ast.Name)}


def missing_names(page: Path) -> list[str]:
    """What a page names that isn't there: paths, and `path`: `name` pairs."""
    text = page.read_text()
    folders = [ROOT, ROOT / "docs", page.parent]

    def find(path: str) -> Path | None:
        return next((found for folder in folders if (found := folder / path).exists()), None)

    # A page about every app names a file by its path inside an app.
    paths = set(re.findall(r"`(\w[\w.-]*(?:/[\w.-]+)+\.(?:py|lua|md|template))`", text))
    if page in READMES:
        paths |= set(re.findall(r"`([\w-]+\.(?:py|lua))`", text))
    else:
        paths |= set(re.findall(r"`(\w[\w.-]*(?:/[\w.-]+)+/)`", text))
    missing = [
        path for path in sorted(paths) if find(path) is None and not any(ROOT.glob(f"*/{path}"))
    ]
    for path, names in re.findall(r"`([\w/]+\.(?:py|lua))`:((?:,? `[\w.]+`)+)", text):
        there = find(path)
        known = defined_in(there) if there else set()
        missing += [f"{path}: {n}" for n in re.findall(r"`([\w.]+)`", names) if n not in known]
    return missing


def test_there_are_pages_to_check():
    assert len(PAGES) > 45
    assert len(DECISIONS) > 24
    assert len(READMES) > 11


@pytest.mark.parametrize("page", [page for page in PAGES if page != HISTORY], ids=name_of)
def test_a_page_names_what_exists(page):
    assert missing_names(page) == []


@pytest.mark.control
def test_a_name_that_is_gone_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "`kernel/clock.py`: `now`, `yesterday`; `kernel/gone.py`; "
        "`kernel/money.py`: `Money.as_json`"
    )
    assert missing_names(page) == ["kernel/gone.py", "kernel/clock.py: yesterday"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_targets_exist(page):
    text = page.read_text()
    assert set(re.findall(r"manage\.py ([a-z]\w+)", text)) <= set(get_commands())
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)", text)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_english_is_plain(page):
    lines = page.read_text().splitlines()
    assert [line for line in lines if NOT_PLAIN.search(line)] == []


def test_the_english_of_code_is_plain():
    """Names too: `_` separates their words."""
    found = [
        f"{name_of(page)}:{number} {line.strip()}"
        for page in sorted(
            [*ROOT.rglob("*.py"), *ROOT.rglob("*.lua"), *(ROOT / "ui" / "src").rglob("*.ts")]
        )
        if not page.relative_to(ROOT).parts[0].startswith(".")
        and "node_modules" not in page.parts
        and page.parent != Path(__file__).parent
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if NOT_PLAIN.search(line.replace("_", " "))
    ]
    assert found == []


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_the_form_of_the_template(page):
    head = re.match(
        r"# (\d{4}): .+\n\n- Status: (.+)\n- Date: \d{4}-\d\d-\d\d\n\n", page.read_text()
    )
    assert head, "title, status, date: docs/decisions/template.md"
    assert page.name.startswith(f"{head[1]}-")
    assert STATUS.fullmatch(head[2])
    assert sections(page) == DECISION_FORM


def test_the_list_of_decisions_says_what_the_pages_say():
    wanted = []
    for page in DECISIONS:
        title, status, date = re.match(
            r"# \d{4}: (.+)\n\n- Status: (.+)\n- Date: (.+)\n", page.read_text()
        ).groups()
        wanted.append([f"[{page.name[:4]}]({page.name})", title, date, status])
    assert rows(ROOT / "docs" / "decisions" / "README.md")[1:] == wanted


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_a_readme_has_the_form_of_contributing(page):
    text = page.read_text()
    assert re.match(rf"# {page.parent.name}\n\n[A-Z]", text)
    assert [title for title in sections(page) if title in README_FORM] == README_FORM


def test_every_word_of_the_glossary_is_explained_once():
    entries = [row for row in rows(ROOT / "docs" / "glossary.md") if row[0] != "word"]
    words = [row[0] for row in entries]
    assert len(words) > 90
    assert len(set(words)) == len(words)
    assert [row[0] for row in entries if len(row) != 5 or not all(row)] == []
    assert [row[0] for row in entries if not re.search(r"[가-힣]", row[1])] == []


def test_every_milestone_that_is_done_has_its_proof():
    text = (ROOT / "docs" / "milestones.md").read_text()
    done = re.findall(r"^\| (.*) \| (.*) \|$", text.split("## Next")[0], re.MULTILINE)[1:]
    assert len(done) > 25
    assert [what for what, proof in done if not re.search(r"tests/|`make|`manage", proof)] == []


def test_every_setting_says_what_it_means():
    settings_listed = rows(ROOT / "docs" / "configuration.md")[1:]
    assert len(settings_listed) > 50
    assert [row[0] for row in settings_listed if len(row) != 4 or not all(row)] == []
