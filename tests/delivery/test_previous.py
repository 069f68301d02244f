"""The last release is a commit of this history, or the check fails."""

import subprocess

import pytest

from deploy.cluster import previous
from stack.errors import StackError


@pytest.fixture
def history(tmp_path):
    """Return a repository with one commit of a chart, and what runs git in it."""

    def git(*arguments):
        own = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        done = subprocess.run(
            ["git", *own, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    (tmp_path / "helm" / "frontrow").mkdir(parents=True)
    (tmp_path / "helm" / "frontrow" / "Chart.yaml").write_text("name: frontrow\n")
    git("add", ".")
    git("commit", "-q", "-m", "The first release")
    (tmp_path / "release").mkdir()
    return tmp_path, git


def test_the_chart_comes_out_of_the_history(history, tmp_path_factory):
    root, git = history
    (root / "release" / "previous").write_text(git("rev-parse", "HEAD") + "\n")
    (root / "helm" / "frontrow" / "Chart.yaml").write_text("name: changed\n")
    chart = previous.chart(tmp_path_factory.mktemp("old"), root)
    assert (chart / "Chart.yaml").read_text() == "name: frontrow\n"


def test_without_the_file_it_fails(history):
    with pytest.raises(StackError, match=r"release/previous is missing"):
        previous.commit(history[0])


@pytest.mark.parametrize("named", ["", "0" * 40, "no-such-branch"])
def test_what_is_no_commit_of_this_history_fails(history, named):
    root, _ = history
    (root / "release" / "previous").write_text(named)
    with pytest.raises(StackError, match="not in this history"):
        previous.commit(root)


def test_a_commit_of_another_branch_fails(history):
    root, git = history
    git("checkout", "-q", "--orphan", "other")
    git("commit", "-q", "-m", "Somewhere else")
    other = git("rev-parse", "HEAD")
    git("checkout", "-q", "-f", "main")
    (root / "release").mkdir(exist_ok=True)
    (root / "release" / "previous").write_text(other)
    with pytest.raises(StackError, match="not in this history"):
        previous.commit(root)


def test_a_commit_without_a_chart_fails(history, tmp_path_factory):
    root, git = history
    git("rm", "-q", "-r", "helm")
    git("commit", "-q", "-m", "No chart", "--allow-empty")
    (root / "release").mkdir(exist_ok=True)
    (root / "release" / "previous").write_text(git("rev-parse", "HEAD"))
    with pytest.raises(StackError, match="has no helm/frontrow"):
        previous.chart(tmp_path_factory.mktemp("old"), root)


def test_this_repository_has_its_last_release(tmp_path):
    assert (previous.chart(tmp_path) / "Chart.yaml").is_file()
