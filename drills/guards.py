"""A copy of the product without a guard, for controls."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from drills.drill import GuardEdit
from proof.rush.rehearsal import ROOT


class GuardNotFound(Exception):
    """The code has changed: the guard that a control takes out is not where it was."""


def copy_without(edits: Sequence[GuardEdit], folder: Path) -> Path:
    """Copy what git knows and doesn't ignore to `folder`, without the guards; return `folder`.

    Raises `GuardNotFound`.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for edit in edits:
        text = (folder / edit.path).read_text(encoding="utf-8")  # another may have changed it
        if text.count(edit.guard) != 1:
            raise GuardNotFound(f"{edit.path}: {edit.guard!r}")
        (folder / edit.path).write_text(text.replace(edit.guard, edit.without), encoding="utf-8")
    return folder
