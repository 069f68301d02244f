"""Which of the last release's tests speak for it on another schema, and what became of them."""

import json
import shutil
from dataclasses import asdict, replace

import pytest

from deploy.cluster import previous
from release import __main__ as command
from release import compatibility, last_tests
from release.compatibility import Outcome
from stack.errors import StackError
from tests.delivery.ci_scripts import ROOT

CASE = '<testcase classname="tests.api.test_points" name="{name}">{inside}</testcase>'
BAD = '<failure message="no such column"/>'


@pytest.fixture
def tree(tmp_path):
    """A release that has every place of the tiers."""
    for place in last_tests.TIERS["all"]:
        (tmp_path / place).mkdir(parents=True)
    return tmp_path


def test_the_quick_tier_is_part_of_the_whole_one():
    assert set(last_tests.TIERS["quick"]) < set(last_tests.TIERS["all"])


def test_what_is_left_out_is_ignored_where_it_is(tree):
    [first, *_] = last_tests.LEFT_OUT
    (tree / first).touch()
    assert last_tests.arguments(tree, "quick") == ["tests/api", f"--ignore={first}"]


def test_a_release_without_such_tests_is_not_compared(tree):
    shutil.rmtree(tree / "tests" / "api")
    with pytest.raises(StackError, match="has no tests/api"):
        last_tests.arguments(tree, "quick")


def test_the_last_release_and_this_one_have_what_is_named():
    """The next release's last one is this one."""
    listed = previous.git(ROOT, "ls-tree", "-r", "--name-only", previous.commit())
    assert listed
    files = listed.decode().splitlines()
    for place in last_tests.TIERS["all"]:
        assert any(file.startswith(f"{place}/test_") for file in files)
        assert (ROOT / place).is_dir()
    assert (
        set(last_tests.LEFT_OUT) - set(files) - {"tests/integration/test_release_migrations.py"}
        == set()
    )
    assert all((ROOT / file).is_file() for file in last_tests.LEFT_OUT)


def test_the_tree_comes_out_of_the_history(tmp_path):
    tree = compatibility.unpacked(previous.commit(), tmp_path / "tree")
    assert (tree / "manage.py").is_file()
    assert (tree / ".data" / "downloads").is_dir()
    with pytest.raises(StackError, match="is not in the history"):
        compatibility.unpacked("0" * 40, tmp_path / "nowhere")


# ---- what pytest says


def report(folder, *cases):
    path = folder / "report.xml"
    inside = "".join(CASE.format(name=name, inside=what) for name, what in cases)
    path.write_text(f"<testsuites><testsuite>{inside}</testsuite></testsuites>")
    return path


def test_what_failed_is_named(tmp_path):
    path = report(tmp_path, ("test_one", ""), ("test_two", BAD), ("test_three", "<error/>"))
    assert compatibility.read(path, 1) == (
        3,
        {"tests.api.test_points.test_two", "tests.api.test_points.test_three"},
    )
    assert compatibility.read(report(tmp_path, ("test_one", "")), 0) == (1, frozenset())


@pytest.mark.control
@pytest.mark.parametrize(
    ("cases", "code"),
    [((), 0), ((("test_one", ""),), 1), ((("test_one", BAD),), 0), ((("test_one", ""),), 2)],
    ids=["nothing ran", "failed unnamed", "failed unsaid", "not to its end"],
)
def test_control_what_did_not_run_to_its_end_is_no_good_sign(tmp_path, cases, code):
    with pytest.raises(StackError, match="pytest ended with"):
        compatibility.read(report(tmp_path, *cases), code)


# ---- the command


GOOD = Outcome(
    since="c0ffee", tier="quick", tests=3, failed=(), failed_before=(), findings=(), seconds=1.0
)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({}, 0, "0 of 3 tests of c0ffee fail on this schema, 0 findings"),
        ({"failed": ("a.b",)}, 1, "failed: a.b"),
        ({"failed_before": ("a.b",)}, 0, "failed before, too: a.b"),
        ({"findings": ("points.0004: DROP_COLUMN",)}, 1, "points.0004: DROP_COLUMN"),
    ],
)
def test_the_command_says_what_became_of_them(monkeypatch, capsys, changes, code, says):
    outcome = replace(GOOD, **changes)
    asked = []

    def check(commit, **how):
        asked.append((commit, how))
        return outcome

    monkeypatch.setattr(compatibility, "check", check)
    assert command.main(["compatibility", "--since", "c0ffee"]) == code
    assert says in capsys.readouterr().out
    assert command.main(["compatibility", "--all", "--processes", "2", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(asdict(outcome)))
    assert asked == [
        ("c0ffee", {"tier": "quick", "processes": 1}),
        (previous.commit(), {"tier": "all", "processes": 2}),
    ]


def test_what_could_not_be_run_is_unknown(monkeypatch, capsys):
    def check(commit, **how):
        raise StackError("the last release has no tests/api")

    monkeypatch.setattr(compatibility, "check", check)
    assert command.main(["compatibility"]) == 2
    assert "has no tests/api" in capsys.readouterr().err
