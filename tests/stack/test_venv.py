"""The virtualenv is made once, and again when its list changes; errors name what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stack import venv

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of two empty lists, whose `.venv` is of its own."""
    (tmp_path / "requirements").mkdir()
    for name in ("local", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text("# nothing\n")
    for name, value in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "VENV_PYTHON": tmp_path / ".venv" / "bin" / "python",
        "STAMP": tmp_path / ".venv" / ".requirements.json",
    }.items():
        monkeypatch.setattr(venv, name, str(value))
    monkeypatch.setattr(sys, "argv", ["venv.py", "local"])
    return tmp_path


def test_it_is_made_once_and_brought_to_a_changed_list(checkout, capfd):
    venv.main()
    assert "making .venv" in capfd.readouterr().out
    venv.main()
    assert capfd.readouterr().out == ""
    (checkout / "requirements" / "local.txt").write_text("# nothing else\n")
    venv.main()
    assert capfd.readouterr().out == ("setup: installing requirements/local.txt (hashes checked)\n")


def test_what_tests_need_includes_what_running_needs(checkout, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["venv.py", "dev"])
    venv.main()
    capfd.readouterr()
    monkeypatch.setattr(sys, "argv", ["venv.py", "local"])
    venv.main()
    assert capfd.readouterr().out == ""
    stamp = json.loads((checkout / ".venv" / ".requirements.json").read_text())
    assert set(stamp) == {"local", "dev"}


def test_a_requirement_without_a_hash_is_refused(checkout):
    (checkout / "requirements" / "local.txt").write_text("six==1.17.0\n")
    with pytest.raises(SystemExit, match=r"installing requirements/local\.txt failed"):
        venv.main()
    assert not (checkout / ".venv" / ".requirements.json").exists()


def test_a_python_too_old_gets_the_version_needed(checkout, monkeypatch):
    monkeypatch.setattr(venv, "MINIMUM", (3, 99))
    with pytest.raises(SystemExit, match=r"setup: Python 3\.99 or newer is needed, .* is 3\.\d+"):
        venv.main()


def test_make_says_what_is_missing_where_there_is_no_python(tmp_path):
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == "setup: no no-such-python found: Python 3.11 or newer is needed\n"


def test_make_alone_lists_every_command():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    wanted = "help run dev test test-fast lint format check clean requirements"
    assert set(wanted.split()) <= listed


@pytest.mark.parametrize("name", ["base", "local", "dev", "dashboards"])
def test_the_lists_are_pinned_hashed_and_name_no_place(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "#    make requirements\n" in text
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    for entry in text.replace("\\\n", " ").splitlines():
        if entry and not entry.startswith("#"):
            assert "==" in entry, entry
            assert "--hash=sha256:" in entry, entry


def test_each_list_agrees_with_the_one_it_stands_on():
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.removesuffix(" \\") for line in lines if line[:1].isalnum()}

    assert pins("base") <= pins("local") <= pins("dev")
