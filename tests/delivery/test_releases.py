"""deploy/releases.py: what runs where, moved by two commands and nothing else."""

import json
import shutil
import subprocess

import pytest

from deploy import releases
from deploy.releases import APPS, NOBODY, Release, ReleaseRefused

NAMELESS = ("-c", "user.name=test", "-c", "user.email=test@test.example")
ONE = Release("sha256:" + "1" * 64, "1.4.0", "chart-0.2.0")


@pytest.fixture
def apps(tmp_path, monkeypatch):
    folder = tmp_path / "frontrow"
    shutil.copytree(APPS, folder)
    monkeypatch.setattr(releases, "APPS", folder)
    for name in ("current", "put", "prove", "promote", "before", "back"):
        function = getattr(releases, name)
        defaults = tuple(folder if one is APPS else one for one in function.__defaults__)
        monkeypatch.setattr(function, "__defaults__", defaults)
    return folder


def test_staging_gets_what_was_built_and_production_what_staging_has(apps):
    before = releases.current("production", apps)
    assert releases.put("staging", ONE, apps)
    assert releases.current("production", apps) == before
    releases.prove(ONE.digest, apps)
    assert releases.promote(apps)
    assert releases.current("production", apps) == ONE
    assert not releases.promote(apps)


def test_a_promotion_moves_three_lines_of_production_and_no_other(apps):
    releases.put("staging", ONE, apps)
    releases.prove(ONE.digest, apps)
    old = {path: path.read_text() for path in apps.rglob("*.yaml")}
    releases.promote(apps)
    moved = {
        (path.relative_to(apps).as_posix(), new.strip().split(":")[0])
        for path, text in old.items()
        for before, new in zip(text.splitlines(), path.read_text().splitlines(), strict=True)
        if before != new
    }
    assert moved == {
        ("production/release.yaml", "digest"),
        ("production/release.yaml", "release"),
        ("production/application.yaml", "targetRevision"),
    }


@pytest.mark.parametrize(
    ("release", "says"),
    [
        (Release("latest", "1.4.0", "chart-0.1.0"), "no digest"),
        (Release("sha256:1234", "1.4.0", "chart-0.1.0"), "no digest"),
        (Release(NOBODY, "1.4.0", "chart-0.1.0"), "no digest"),
        (Release(ONE.digest, "1.4.0\nevil: yes", "chart-0.1.0"), "no name"),
    ],
)
def test_what_is_no_image_is_refused_and_changes_nothing(apps, release, says):
    before = releases.current("staging", apps)
    with pytest.raises(ReleaseRefused, match=says):
        releases.put("staging", release, apps)
    assert releases.current("staging", apps) == before


def test_nothing_is_promoted_while_staging_runs_nothing(apps):
    text = (apps / "staging" / "release.yaml").read_text()
    digest = releases.current("staging", apps).digest
    (apps / "staging" / "release.yaml").write_text(text.replace(digest, NOBODY))
    with pytest.raises(ReleaseRefused, match="nothing to promote"):
        releases.promote(apps)


def test_nothing_is_promoted_that_staging_has_not_passed_with(apps):
    other = Release("sha256:" + "2" * 64, "1.5.0", "chart-0.2.0")
    releases.put("staging", ONE, apps)
    releases.prove(ONE.digest, apps)
    releases.put("staging", other, apps)
    with pytest.raises(ReleaseRefused, match="has not passed"):
        releases.promote(apps)
    with pytest.raises(ReleaseRefused, match="another image"):
        releases.prove(ONE.digest, apps)


def test_production_goes_back_to_what_git_says_it_ran(apps):
    def committed():
        for words in (["add", "--all"], ["commit", "--quiet", "--message", "release"]):
            subprocess.run(["git", *NAMELESS, *words], cwd=apps, check=True)

    two = Release("sha256:" + "2" * 64, "1.5.0", "chart-0.3.0")
    subprocess.run(["git", "init", "--quiet"], cwd=apps, check=True)
    committed()
    with pytest.raises(ReleaseRefused, match="never ran another"):
        releases.back("production", apps)
    for release in (ONE, two):
        releases.put("production", release, apps)
        committed()
    assert releases.back("production", apps)
    assert releases.current("production", apps) == ONE


def test_the_command_says_what_it_did(apps, capsys):
    words = ["set", "staging", "--digest", ONE.digest, "--release", "1.4.0"]
    assert releases.main(words) == 0
    assert capsys.readouterr().out == f"staging: 1.4.0 {ONE.digest}\n"
    assert releases.main(["show", "staging", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == ONE.digest
    assert releases.main(["promote"]) == 1
    assert "staging has not passed" in capsys.readouterr().err
    assert releases.main(["prove", "--digest", ONE.digest]) == 0
    assert releases.main(["promote"]) == 0
    assert releases.main(["promote"]) == 0
    assert capsys.readouterr().out.endswith("(nothing to do)\n")
    assert releases.main(["set", "staging", "--digest", "latest", "--release", "x"]) == 1
    assert capsys.readouterr().err.startswith("releases: 'latest' is no digest")


def test_nobody_sets_production_directly(capsys):
    with pytest.raises(SystemExit):
        releases.main(["set", "production", "--digest", ONE.digest, "--release", "1.4.0"])
    assert "invalid choice" in capsys.readouterr().err
