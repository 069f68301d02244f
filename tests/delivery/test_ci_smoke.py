"""How staging is tried and an end is reported: smoke.sh and notify.sh, with stand-ins."""

import json

import pytest

from tests.delivery.ci_scripts import Programs, repository, run

ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path / "bin", "aws", "curl")


@pytest.fixture
def work(tmp_path):
    return repository(tmp_path)


STAGING_SITE = {
    "SITE": "https://staging.tickets.example",
    "CONCERT": "Hanok",
    "FANS": "one@x.example two@x.example three@x.example",
}


def smoke(programs, folder, *, refuses="nothing", variables=STAGING_SITE):
    """Run smoke.sh with a stand-in for Python; return how it ended and what was run."""
    programs.say({"call": "get-secret-value", "says": "pass word"})
    stand_in = folder / "python"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@ $FRONTROW_PASSWORD" >>{folder}/run\n'
        f'case "$*" in *"{refuses}"*) exit 1 ;; esac\n'
    )
    stand_in.chmod(0o755)
    done = run(programs, "smoke.sh", "1.4.0", PYTHON=str(stand_in), **variables)
    lines = (folder / "run").read_text().splitlines() if (folder / "run").exists() else []
    return done, lines


def steps(done) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("step=")]


def test_staging_is_tried_by_a_purchase_a_rush_and_a_look_at_what_runs(programs, tmp_path):
    done, lines = smoke(programs, tmp_path)
    assert done.returncode == 0, done.stderr
    bought = [line for line in lines if line.startswith("manage.py buy --base-url https://stag")]
    fans = [line.split("--fan ")[1].split()[0] for line in bought]
    assert fans[0] == "one@x.example"
    assert sorted(fans[1:]) == sorted(STAGING_SITE["FANS"].split())
    assert all(line.endswith("pass word") for line in bought)
    assert lines[-1].startswith("-m release verify https://staging.tickets.example --expect 1.4.0 ")
    assert "pass word" not in lines[-1] + done.stdout + done.stderr
    assert steps(done) == ["step=purchase", "step=rush", "step=verify"]


@pytest.mark.control
@pytest.mark.parametrize(
    ("refuses", "at", "says"),
    [
        ("--fan one@", "purchase", "nobody can buy a ticket"),
        ("--fan two@", "rush", "1 of 3 fans of the rush have no ticket"),
        ("release verify", "verify", "what runs is not release 1.4.0 as it should be"),
    ],
)
def test_control_what_fails_on_staging_is_named(programs, tmp_path, refuses, at, says):
    done, _ = smoke(programs, tmp_path, refuses=refuses)
    assert done.returncode == 1
    assert says in done.stderr
    assert steps(done)[-1] == f"step={at}"


@pytest.mark.parametrize("changes", [{"SITE": ""}, {"FANS": "one@x.example"}, {"FANS": "a " * 6}])
def test_nobody_is_tried_without_a_site_and_a_small_crowd(programs, tmp_path, changes):
    done, lines = smoke(programs, tmp_path, variables=STAGING_SITE | changes)
    assert (done.returncode, lines) == (1, [])


def notified(programs, work, *words, address="https://hooks.example/one"):
    programs.say({"call": "/notify", "says": address})
    variables = {
        "GITHUB_SHA": "c0ffee",
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "promoter/frontrow",
        "GITHUB_RUN_ID": "7",
    }
    return run(programs, "notify.sh", *words, root=work, **variables)


def released(programs, work, *rest, digest):
    for words in (("set", "staging", "--digest", digest, "--release", "1"), *rest):
        done = run(programs, "release.sh", *words, root=work)
        assert done.returncode == 0, done.stderr


def test_a_failure_tells_commit_step_log_and_the_last_good_digest(programs, work):
    released(programs, work, ("prove", "--digest", ONE), digest=ONE)
    released(programs, work, digest=THREE)  # which nothing was proved with either
    released(programs, work, digest=TWO)
    done = notified(programs, work, "staging", "failed", "smoke rush")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {
        "text": "Frontrow staging: 1 FAILED at smoke rush",
        "environment": "staging",
        "ended": "failed",
        "step": "smoke rush",
        "log": "https://git.example/promoter/frontrow/actions/runs/7",
        "commit": "c0ffee",
        "digest": TWO,
        "last_good_digest": ONE,
    }
    [call] = [line for line in programs.calls if line.startswith("curl")]
    assert call.endswith("https://hooks.example/one")


def test_the_last_good_image_of_production_is_the_one_before(programs, work):
    for digest in (ONE, TWO):
        released(programs, work, ("prove", "--digest", digest), ("promote",), digest=digest)
    said = json.loads(notified(programs, work, "production", "failed", "watch").stdout)
    assert (said["digest"], said["last_good_digest"]) == (TWO, ONE)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_first_image_of_all_has_no_good_one_before(programs, work, environment):
    said = json.loads(notified(programs, work, environment, "failed", "move").stdout)
    assert said["last_good_digest"] is None


def test_nobody_to_notify_fails_nothing(programs, work):
    done = notified(programs, work, "staging", "ok", address="")
    assert done.returncode == 0
    assert not [line for line in programs.calls if line.startswith("curl")]
