"""What the pipeline does: every script of deploy/ci, with stand-ins for the programs of others."""

import pytest

from tests.delivery.ci_scripts import Programs, commit, git, repository, run

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def programs(tmp_path):
    return Programs(
        tmp_path / "bin",
        *("aws", "buildah", "cosign", "curl", "helm", "kubectl", "terraform", "apt-get", "sudo"),
        *("chromium", "fc-list"),
    )


@pytest.fixture
def work(tmp_path):
    return repository(tmp_path)


# ---- push.sh, sign.sh


def test_the_same_bytes_are_pushed_to_both_and_their_digest_is_said(programs):
    from deploy.tools.build import ROOT

    base = (ROOT / "Dockerfile").read_text().split("ARG BASE=")[1].split()[0]
    programs.say(
        {"call": "image.base.name", "says": base},
        {"call": " push ", "writes": {"--digestfile": ONE}},
        {"call": "get-login-password", "says": "word"},
    )
    done = run(programs, "push.sh", "1.4.0", "staging", "production", REGISTRY="registry.example")
    assert done.returncode == 0, done.stderr
    assert f"digest={ONE}" in done.stdout
    pushed = [line.split()[-1] for line in programs.calls if " push " in line]
    assert pushed == [f"docker://registry.example/{one}:1.4.0" for one in ("staging", "production")]


def test_an_image_on_another_base_is_not_published(programs):
    programs.say({"call": "image.base.name", "says": "docker.io/library/python:3.13"})
    done = run(programs, "push.sh", "1.4.0", "staging", REGISTRY="registry.example")
    assert done.returncode == 1
    assert not [line for line in programs.calls if " push " in line]


def test_two_digests_of_one_image_are_refused(programs):
    from deploy.tools.build import ROOT

    base = (ROOT / "Dockerfile").read_text().split("ARG BASE=")[1].split()[0]
    programs.say(
        {"call": "image.base.name", "says": base},
        {"call": "registry.example/staging", "writes": {"--digestfile": ONE}},
        {"call": "registry.example/production", "writes": {"--digestfile": TWO}},
    )
    done = run(programs, "push.sh", "1.4.0", "staging", "production", REGISTRY="registry.example")
    assert done.returncode == 1
    assert "and not" in done.stderr


def test_image_and_contents_are_signed_by_digest(programs, tmp_path):
    sbom = tmp_path / "sbom.json"
    sbom.write_text("{}")
    done = run(programs, "sign.sh", ONE, str(sbom), "production", REGISTRY="registry.example")
    assert done.returncode == 0, done.stderr
    assert programs.calls == [
        f"cosign sign --yes registry.example/production@{ONE}",
        f"cosign attest --yes --type spdxjson --predicate {sbom} registry.example/production@{ONE}",
    ]
    without = run(programs, "sign.sh", ONE, "nowhere", "production", REGISTRY="registry.example")
    assert without.returncode == 1
    assert "no list of contents" in without.stderr


# ---- release.sh, staged.sh


def at_origin(work, path):
    git(work, "fetch", "--quiet", "origin")
    return git(work, "show", f"origin/main:{path}")


STAGING = "gitops/apps/frontrow/staging/release.yaml"
PRODUCTION = "gitops/apps/frontrow/production/release.yaml"


def test_a_digest_goes_from_staging_through_its_proof_to_production(programs, work):
    def release(*words):
        done = run(programs, "release.sh", *words, root=work)
        assert done.returncode == 0, done.stderr

    release("set", "staging", "--digest", ONE, "--release", "1.4.0")
    assert ONE in at_origin(work, STAGING)
    assert run(programs, "release.sh", "promote", root=work).returncode == 1  # nothing proved yet
    release("prove", "--digest", ONE)
    release("promote")
    assert ONE in at_origin(work, PRODUCTION)
    for digest in (TWO, ONE):
        assert digest is ONE or ONE in at_origin(work, PRODUCTION)
    release("set", "staging", "--digest", TWO, "--release", "1.5.0")
    release("prove", "--digest", TWO)
    release("promote")
    release("back", "production")
    assert ONE in at_origin(work, PRODUCTION)
    subjects = git(work, "log", "--format=%s", "origin/main").splitlines()
    assert len(subjects) == 8
    assert all(len(one) <= 72 for one in subjects)


def test_nothing_moved_is_nothing_pushed(programs, work):
    words = ("set", "staging", "--digest", ONE, "--release", "1.4.0")
    for _ in range(2):
        assert run(programs, "release.sh", *words, root=work).returncode == 0
    assert len(git(work, "log", "--format=%s", "origin/main").splitlines()) == 2


def test_what_others_pushed_meanwhile_is_kept(programs, work, tmp_path):
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(other))
    (other / "README.md").write_text("by somebody else\n")
    commit(other, "other")
    git(other, "push", "--quiet", "origin", "main")
    done = run(
        programs, "release.sh", "set", "staging", "--digest", ONE, "--release", "1", root=work
    )
    assert done.returncode == 0, done.stderr
    assert at_origin(work, "README.md") == "by somebody else\n"
    assert ONE in at_origin(work, STAGING)


def test_a_push_that_loses_the_race_is_made_once_more(programs, work, tmp_path):
    """The origin refuses the first push, as when somebody was faster."""
    hook = tmp_path / "origin.git" / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\n[ -e {tmp_path}/once ] && exit 0\ntouch {tmp_path}/once\nexit 1\n")
    hook.chmod(0o755)
    done = run(
        programs, "release.sh", "set", "staging", "--digest", ONE, "--release", "1", root=work
    )
    assert done.returncode == 0, done.stderr
    assert "once more" in done.stderr
    assert ONE in at_origin(work, STAGING)


def test_what_was_approved_is_what_goes_on(programs, work):
    run(programs, "release.sh", "set", "staging", "--digest", ONE, "--release", "1", root=work)
    assert f"digest={ONE}" in run(programs, "staged.sh", root=work).stdout
    assert run(programs, "staged.sh", ONE, root=work).returncode == 0
    other = run(programs, "staged.sh", TWO, root=work)
    assert other.returncode == 1
    assert "begin again" in other.stderr


# ---- reach.sh, wait.sh, rollback.sh


def test_the_cluster_is_found_by_the_environments_name(programs):
    assert run(programs, "reach.sh", "staging").returncode == 0
    assert "--name frontrow-staging" in programs.calls[0]
    assert run(programs, "reach.sh", "laptop").returncode == 1


@pytest.mark.parametrize(
    ("phase", "code"), [("Healthy", 0), ("Degraded", 1), ("Progressing", 2), ("Paused", 2)]
)
def test_a_release_is_waited_for_until_it_runs_or_is_taken_back(programs, phase, code):
    says = f"registry.example/frontrow@{ONE}|{phase}|10||"
    programs.say({"call": "get rollout", "says": says})
    done = run(programs, "wait.sh", ONE, WAIT_SECONDS="1", PAUSE_SECONDS="0.2")
    assert done.returncode == code, done.stderr


def test_the_health_of_the_image_before_proves_nothing(programs):
    programs.say({"call": "get rollout", "says": f"registry.example/frontrow@{TWO}|Healthy|||"})
    assert run(programs, "wait.sh", ONE, WAIT_SECONDS="1", PAUSE_SECONDS="0.2").returncode == 2


def test_a_cluster_that_does_not_answer_is_no_release(programs):
    programs.say({"call": "get rollout", "code": 1})
    done = run(programs, "wait.sh", ONE, WAIT_SECONDS="1", PAUSE_SECONDS="0.2")
    assert done.returncode == 2
    assert "does not answer" in done.stderr


@pytest.mark.parametrize("phase", ["Progressing", "Degraded", "Healthy"])
def test_a_rollback_aborts_first_and_then_tells_git(programs, work, phase):
    for digest in (ONE, TWO):
        for words in (
            ("set", "staging", "--digest", digest, "--release", "1"),
            ("prove", "--digest", digest),
            ("promote",),
        ):
            assert run(programs, "release.sh", *words, root=work).returncode == 0
    programs.say({"call": "jsonpath={.status.phase}", "says": phase})
    done = run(programs, "rollback.sh", "production", root=work)
    assert done.returncode == 0, done.stderr
    aborted = [line for line in programs.calls if '"abort":true' in line]
    assert bool(aborted) == (phase != "Healthy")
    assert ONE in at_origin(work, PRODUCTION)


# ---- browser.sh


def test_the_browser_is_installed_where_it_is_missing(programs):
    programs.say({"call": "fc-list", "says": "Noto Sans CJK KR"})
    assert run(programs, "browser.sh").returncode == 0
    assert not [line for line in programs.calls if "install" in line]
    programs.say()
    assert run(programs, "browser.sh").returncode == 0
    assert [line for line in programs.calls if "install" in line and "chromium" in line]


# ---- plan.sh, apply.sh, drift.sh, changes.sh


@pytest.mark.parametrize(("code", "changes"), [(0, "false"), (2, "true")])
def test_a_plan_says_whether_anything_changes(programs, tmp_path, code, changes):
    file = tmp_path / "plan"
    programs.say(
        {"call": "terraform plan", "code": code}, {"call": "terraform show", "says": "a plan\n"}
    )
    done = run(programs, "plan.sh", "staging", str(file), STATE_BUCKET="state")
    assert done.returncode == 0, done.stderr
    assert f"changes={changes}" in done.stdout
    assert "    a plan" in (tmp_path / "plan.md").read_text()
    assert "bucket=state" in programs.calls[0]


def test_a_plan_that_fails_fails(programs, tmp_path):
    programs.say({"call": "terraform plan", "says": "no such zone", "code": 1})
    done = run(programs, "plan.sh", "staging", str(tmp_path / "plan"), STATE_BUCKET="state")
    assert done.returncode == 1
    assert "no such zone" in done.stderr


def test_what_is_applied_is_the_plan(programs, tmp_path):
    file = tmp_path / "plan"
    assert run(programs, "apply.sh", "staging", str(file), STATE_BUCKET="state").returncode == 1
    file.write_text("plan")
    assert run(programs, "apply.sh", "staging", str(file), STATE_BUCKET="state").returncode == 0
    assert programs.calls[-1].endswith(str(file))


def test_drift_fails_and_is_shown(programs, tmp_path):
    file = tmp_path / "plan.md"
    file.write_text("what differs\n")
    done = run(programs, "drift.sh", "production", str(file))
    assert done.returncode == 1
    assert "what differs" in done.stdout


def test_who_approves_sees_schema_values_and_objects(programs, tmp_path):
    work = repository(tmp_path)
    values = work / "helm" / "frontrow" / "values.yaml"
    values.parent.mkdir(parents=True)
    for tag, text in (("chart-0.1.0", "replicas: 3\n"), ("chart-0.2.0", "replicas: 4\n")):
        values.write_text(text)
        (values.parent / "values-production.yaml").write_text("{}\n")
        if tag == "chart-0.2.0":
            migration = work / "points" / "migrations" / "0099_more.py"
            migration.parent.mkdir(parents=True)
            migration.write_text("")
        commit(work, tag)
        git(work, "tag", tag)
    git(work, "push", "--quiet", "origin", "main")
    chart = ("--chart", "chart-0.2.0")
    moved = run(
        programs,
        "release.sh",
        *("set", "staging", "--digest", TWO, "--release", "2"),
        *chart,
        root=work,
    )
    assert moved.returncode == 0, moved.stderr
    programs.say(
        {"call": "production/release.yaml", "says": "image: old\n"},
        {"call": "staging/release.yaml", "says": "image: new\n"},
    )
    done = run(programs, "changes.sh", str(tmp_path / "summary"), root=work)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "summary").read_text()
    for expected in ("0099_more.py", "+replicas: 4", "+image: new", "-image: old", TWO):
        assert expected in text
