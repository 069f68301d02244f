"""What actionlint, zizmor and shellcheck say; `make delivery` runs these: they are built once."""

import pytest

from deploy import workflows

PLANTED = """\
name: planted
on: [push]
permissions: write-all
jobs:
  one:
    runs-on: ubuntu-24.04
    needs: nobody
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.head_commit.message }}
"""


def test_nothing_is_found_in_workflows_and_scripts():
    assert workflows.actionlint() == ""
    assert workflows.zizmor() == ""
    assert workflows.shellcheck() == ""


@pytest.mark.control
def test_control_a_planted_mistake_is_found_by_each(tmp_path):
    (tmp_path / "planted.yml").write_text(PLANTED)
    (tmp_path / "planted.sh").write_text("#!/bin/sh\ncat $1\n")
    assert "nobody" in workflows.actionlint(tmp_path)
    assert "template-injection" in workflows.zizmor(tmp_path)
    assert "SC2086" in workflows.shellcheck(tmp_path)
