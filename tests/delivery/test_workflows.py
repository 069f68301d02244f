"""The pipelines' own rules: pins, rights, one line a step, and no way to production but one."""

import copy
import re

import pytest
import yaml

from deploy.tools.build import ROOT

FOLDER = ROOT / ".github" / "workflows"
MAKE = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
WRITES = {"contents", "id-token", "attestations", "pull-requests"}


def load(name):
    return yaml.load((FOLDER / f"{name}.yml").read_text(), Loader=yaml.BaseLoader)


ALL = {path.stem: load(path.stem) for path in sorted(FOLDER.glob("*.yml"))}
STEPS = [
    (name, job, step)
    for name, workflow in ALL.items()
    for job, body in workflow["jobs"].items()
    for step in body.get("steps", [])
]


def test_every_action_is_pinned_by_a_commit_and_says_its_version():
    uses = re.compile(r"uses: (\S+)(.*)")
    for path in FOLDER.glob("*.yml"):
        for action, rest in uses.findall(path.read_text()):
            if action.startswith("./"):
                continue
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), f"{path.name}: {action}"
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), f"{path.name}: {action}"


def test_one_action_has_one_pin():
    pins = {}
    for _, _, step in STEPS:
        if "@" in step.get("uses", ""):
            action, _, commit = step["uses"].partition("@")
            pins.setdefault(action, set()).add(commit)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_a_workflow_may_nothing_and_each_job_says_what_it_may():
    for name, workflow in ALL.items():
        assert workflow["permissions"] == {}, name
        for job, body in workflow["jobs"].items():
            rights = body["permissions"]
            assert rights, f"{name}: {job}"
            assert {right for right, level in rights.items() if level == "write"} <= WRITES


def test_who_pushes_to_git_is_who_runs_a_script_that_does():
    for name, workflow in ALL.items():
        for job, body in workflow["jobs"].items():
            runs = " ".join(step.get("run", "") for step in body.get("steps", []))
            pushes = "release.sh" in runs or "rollback.sh" in runs or "uses" in body
            assert (body["permissions"].get("contents") == "write") == pushes, f"{name}: {job}"


def test_there_is_no_secret_of_the_codes_host():
    for path in FOLDER.glob("*.yml"):
        assert "secrets." not in path.read_text(), path.name


def test_a_step_is_one_line_and_longer_ones_are_scripts_with_a_test():
    ours = (ROOT / "tests" / "delivery").glob("test_ci_*.py")
    tests = "".join(path.read_text() for path in ours)
    tests += (ROOT / "Makefile").read_text()  # `make image` and `make sbom` run theirs
    for name, job, step in STEPS:
        line = step.get("run", "").strip()
        assert "\n" not in line, f"{name}: {job}"
        assert not re.search(r"&&|\|\||[;|]", line), f"{name}: {job}: {line}"
        assert "${{" not in line, f"{name}: {job}: an expression in a shell: {line}"
        script = re.match(r"(deploy/\S+\.sh)", line)
        if script:
            assert (ROOT / script[1]).stat().st_mode & 0o111, script[1]
            assert script[1].rpartition("/")[2] in tests, f"{script[1]} has no test"


def test_every_script_of_the_pipeline_is_used_by_it():
    used = {found for _, _, step in STEPS for found in re.findall(r"\w+\.sh", step.get("run", ""))}
    scripts = {path.name for path in (ROOT / "deploy" / "ci").glob("*.sh")}
    assert scripts - used == {"common.sh"}


def test_every_target_of_make_exists():
    for name, job, step in STEPS:
        for target in re.findall(r"^make ([a-z-]+)", step.get("run", "")):
            assert target in MAKE, f"{name}: {job}"


def test_two_deployments_never_overlap():
    for name in ("deploy-staging", "deploy-production", "rollback", "image"):
        group = ALL[name]["concurrency"]
        assert group["cancel-in-progress"] == "false", name
        assert "${{" not in group["group"], f"{name}: two runs may have two groups"


def test_every_job_ends():
    for name, workflow in ALL.items():
        for job, body in workflow["jobs"].items():
            assert "uses" in body or int(body["timeout-minutes"]) <= 180, f"{name}: {job}"


# ---- the way to production


def needs(workflow, job):
    """Return every job that must have gone well before this one, by `needs` alone."""
    body = workflow["jobs"][job]
    direct = body.get("needs", [])
    direct = [direct] if isinstance(direct, str) else direct
    if "cancelled()" in body.get("if", "") or "always()" in body.get("if", ""):
        return set()  # which runs whatever became of them
    return set(direct) | {one for name in direct for one in needs(workflow, name)}


def ways_to_production(workflows):
    """Yield each job that moves production's image, with what stands before it."""
    for name, workflow in workflows.items():
        for job, body in workflow["jobs"].items():
            runs = [step.get("run", "") for step in body.get("steps", [])]
            moves = [
                line for line in runs if re.search(r"release\.sh (promote|set production)", line)
            ]
            if moves:
                yield name, job, body


def objections(workflows):
    """Return why production may be reached without staging, smoke and approval."""
    found = []
    ways = list(ways_to_production(workflows))
    if [(name, job) for name, job, _ in ways] != [("deploy-production", "promote")]:
        found.append(f"another way to production: {[(name, job) for name, job, _ in ways]}")
    for name, job, body in ways:
        if body.get("environment") != "production":
            found.append(f"{name}: {job} needs no approval")
        if "show" not in needs(workflows[name], job):
            found.append(f"{name}: {job} is approved unseen")
        runs = [step.get("run", "") for step in body["steps"]]
        if not runs or not any(line.startswith("deploy/ci/staged.sh") for line in runs):
            found.append(f"{name}: {job} may promote another image than was approved")
        if set(workflows[name]["on"]) != {"workflow_dispatch"}:
            found.append(f"{name} begins by itself")
    # What may be promoted is what staging has proved: deploy/releases.py refuses the rest.
    staging = workflows["deploy-staging"]
    provers = [
        job
        for job, body in staging["jobs"].items()
        if any("release.sh prove" in step.get("run", "") for step in body.get("steps", []))
    ]
    if provers != ["prove"] or not {"move", "healthy", "smoke"} <= needs(staging, "prove"):
        found.append("staging is proved without being healthy and tried")
    return found


def test_production_is_reached_by_staging_smoke_and_approval_alone():
    assert objections(ALL) == []


def without_environment(all_of_them):
    del all_of_them["deploy-production"]["jobs"]["promote"]["environment"]


def without_smoke(all_of_them):
    all_of_them["deploy-staging"]["jobs"]["prove"]["needs"] = "healthy"


def without_show(all_of_them):
    del all_of_them["deploy-production"]["jobs"]["promote"]["needs"]


def by_a_push(all_of_them):
    all_of_them["deploy-production"]["on"]["push"] = {}


def by_another_workflow(all_of_them):
    step = {"run": "deploy/ci/release.sh promote"}
    all_of_them["ci"]["jobs"]["lint"]["steps"].append(step)


@pytest.mark.control
@pytest.mark.parametrize(
    "shortcut", [without_environment, without_smoke, without_show, by_a_push, by_another_workflow]
)
def test_control_a_shortcut_to_production_is_seen(shortcut):
    changed = copy.deepcopy(ALL)
    shortcut(changed)
    assert objections(changed)


def test_each_push_is_tried_against_the_last_release():
    """Its tests on this schema: those of the API at each push, all of them each night."""
    for workflow, line in (
        ("ci", "make last-release"),
        ("cluster", 'make last-release ARGS="--all --processes 4"'),
    ):
        body = ALL[workflow]["jobs"]["last-release"]
        assert "if" not in body
        assert body["steps"][0]["with"]["fetch-depth"] == "0"
        assert body["steps"][-1]["run"] == line
    assert "**/migrations/**" in ALL["cluster"]["on"]["push"]["paths"]
    assert "schedule" in ALL["cluster"]["on"]


def test_staging_is_proved_by_what_its_smoke_says_of_the_release():
    body = ALL["deploy-staging"]["jobs"]["smoke"]
    smoke = body["steps"][-1]
    assert smoke["run"] == 'deploy/ci/smoke.sh "$RELEASE"'
    assert smoke["env"]["RELEASE"] == "${{ inputs.release }}"
    assert body["outputs"] == {"step": f"${{{{ steps.{smoke['id']}.outputs.step }}}}"}
    notify = ALL["deploy-staging"]["jobs"]["notify"]["steps"][-1]
    assert "format('smoke {0}', needs.smoke.outputs.step)" in notify["env"]["STEP"]


def test_a_failed_watch_takes_the_release_back():
    body = ALL["deploy-production"]["jobs"]["take-back"]
    assert "needs.watch.result == 'failure'" in body["if"]
    assert body["steps"][-1]["run"] == "deploy/ci/rollback.sh production"


def test_both_ends_are_reported():
    for name in ("deploy-staging", "deploy-production", "rollback"):
        jobs = ALL[name]["jobs"]
        assert set(jobs["notify"]["needs"]) == set(jobs) - {"notify"}
        assert "cancelled()" in jobs["notify"]["if"]
