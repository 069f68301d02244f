"""The tools of the delivery checks are what their pins say, and are built again for other pins."""

import re
import subprocess

import pytest

from deploy.tools import build
from deploy.tools.build import HERE, NoTool

NAMES = sorted(path.parent.name for path in HERE.glob("*/go.mod"))
PACKAGE = re.compile(r"^tool \S", re.MULTILINE)
REPLACED = re.compile(r"^(?:\t|replace )(\S+) => (.+)$", re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_every_module_that_is_named_has_its_sum(name):
    """Go believes a module by its sum; one without would be believed at its first coming."""
    text = (HERE / name / "go.mod").read_text()
    sums = (HERE / name / "go.sum").read_text()
    required = re.findall(r"^\s*(?:require )?(\S+\.\S+/\S+) (v\S+)", text, re.MULTILINE)
    assert required
    instead = dict(REPLACED.findall(text))
    required = [instead.get(path, f"{path} {version}").split() for path, version in required]
    missing = [
        f"{path} {version}"
        for path, version in required
        if f"{path} {version} h1:" not in sums and f"{path} {version}/go.mod h1:" not in sums
    ]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_no_pin_says_where_modules_come_from(name):
    for file in ("go.mod", "go.sum"):
        text = (HERE / name / file).read_text()
        assert not re.search(r"https?://", text)
        # Another module of a version has its sum too; a folder has none.
        for _, instead in REPLACED.findall(text):
            assert re.fullmatch(r"[\w-]+\.[\w.-]+/\S+ v\S+", instead)


def test_what_can_be_built_is_what_has_a_tool():
    assert build.names() == [one for one in NAMES if PACKAGE.search(_module(one))]
    assert {"helm", "helm-docs", "kubeconform"} <= set(build.names())


def _module(name):
    return (HERE / name / "go.mod").read_text()


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Return a folder with one tool, and the list of what was asked of Go; nothing is built."""
    folder = tmp_path / "tools"
    (folder / "saw").mkdir(parents=True)
    (folder / "saw" / "go.mod").write_text("module x\n\ntool example.org/saw/cmd/saw\n")
    (folder / "saw" / "go.sum").write_text("")
    asked = []

    def go(command, **_):
        asked.append([str(word) for word in command])
        out = command[command.index("-o") + 1] if "-o" in command else None
        if out:
            out.write_text("program")
        return subprocess.CompletedProcess(command, 0, "go1.26.8\n", "")

    monkeypatch.setattr(build, "HERE", folder)
    monkeypatch.setattr(build.subprocess, "run", go)
    monkeypatch.setattr(build.shutil, "which", lambda _: "/usr/bin/go")
    monkeypatch.setenv("FRONTROW_DATA", str(tmp_path / "data"))
    return folder, lambda: [command for command in asked if "build" in command]


def test_a_tool_is_built_once(tools):
    _, builds = tools
    program = build.tool("saw")
    assert build.tool("saw") == program
    assert program.read_text() == "program"
    assert len(builds()) == 1
    assert builds()[0][-1] == "example.org/saw/cmd/saw"


def test_programs_of_one_project_share_a_folder(tools):
    folder, builds = tools
    block = "tool (\n\texample.org/saw/cmd/saw\n\texample.org/saw/cmd/file\n)\n"
    (folder / "saw" / "go.mod").write_text(f"module x\n\n{block}")
    assert build.programs("saw") == ["saw", "file"]
    saw, file = build.tool("saw", "saw"), build.tool("saw", "file")
    assert (saw.name, file.name, saw.parent) == ("saw", "file", file.parent)
    assert [one[-1].rpartition("/")[2] for one in builds()] == ["saw", "file"]
    with pytest.raises(NoTool, match="saw, file, no hammer"):
        build.tool("saw", "hammer")


def test_kubernetes_programs_know_their_version(tools, monkeypatch):
    folder, builds = tools
    (folder / "saw" / "go.mod").write_text(
        "module x\n\ntool k8s.io/kubernetes/cmd/saw\n\nrequire k8s.io/kubernetes v1.2.3\n"
    )
    build.tool("saw")
    (linked,) = [word for word in builds()[0] if word.startswith("-ldflags")]
    assert linked.endswith("-X k8s.io/component-base/version.gitVersion=v1.2.3")


def test_other_pins_make_another_program(tools):
    folder, builds = tools
    before = build.tool("saw")
    (folder / "saw" / "go.sum").write_text("example.org/saw v1.0.1 h1:...\n")
    assert build.tool("saw") != before
    assert len(builds()) == 2


def test_a_build_that_fails_leaves_no_program(tools, monkeypatch):
    def fails(command, **_):
        version = "version" in str(command).lower()
        return subprocess.CompletedProcess(
            command, 0 if version else 1, "go1.26.8", "no such module"
        )

    monkeypatch.setattr(build.subprocess, "run", fails)
    for _ in range(2):
        with pytest.raises(NoTool, match="no such module"):
            build.tool("saw")


def test_an_unknown_tool_is_named(tools):
    with pytest.raises(NoTool, match="hammer"):
        build.tool("hammer")


def test_without_go_it_says_so(tools, monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    with pytest.raises(NoTool, match="Go"):
        build.tool("saw")
