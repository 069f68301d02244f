"""checkov, offline: no finding, or its reason in place."""

import re
import shutil
import subprocess

import pytest

from deploy.terraform import TERRAFORM
from deploy.tools.checkers import checker

# It evaluates each environment with all its modules: 80 s of a core.
pytestmark = pytest.mark.timeout(900)


def found(folder):
    """Return the ids of what checkov finds in a folder's Terraform."""
    words = ["--framework", "terraform", "--compact", "--quiet", "--skip-download", "--soft-fail"]
    words += ["--download-external-modules", "false", "--directory", str(folder)]
    done = subprocess.run(
        [str(checker("checkov")), *words],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return set(re.findall(r"Check: (\S+):", done.stdout))


def test_nothing_is_found():
    assert found(TERRAFORM) == set()


def test_every_exception_says_why():
    for file in TERRAFORM.rglob("*.tf"):
        for rest in re.findall(r"checkov:skip=\w+(.*)", file.read_text()):
            assert re.fullmatch(r": ?\S.{14,}", rest), f"{file}: {rest}"


@pytest.mark.control
def test_control_an_open_door_is_found(tmp_path):
    shutil.copy(TERRAFORM / "modules" / "postgres" / "main.tf", tmp_path)
    text = (tmp_path / "main.tf").read_text()
    assert "storage_encrypted               = true" in text
    (tmp_path / "main.tf").write_text(text.replace("storage_encrypted               = true", ""))
    assert "CKV_AWS_96" in found(tmp_path) or "CKV_AWS_327" in found(tmp_path)
