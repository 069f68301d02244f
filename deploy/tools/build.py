"""Build the tools of the delivery checks: `.venv/bin/python -m deploy.tools.build helm`.

Each tool has a folder of its own here with a `go.mod`, whose `tool` lines say what is built, and a
`go.sum`, so that one tool's versions move no other's; programs of one project share a folder. What
is built is kept in the data folder (`FRONTROW_DATA`, else `.data`) by the hash of both files and
the version of Go. Modules come from where the machine's Go takes them, and are believed by their
sums alone.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# `tool PACKAGE`, or several in a block of lines.
_TOOL = re.compile(r"^tool (?:(\w\S+)|\(\n((?:\t\S+\n)+)\))$", re.MULTILINE)
# Kubernetes' programs say no version that helm and kubectl understand, unless it is linked in.
_STAMPS = {"k8s.io/kubernetes": "k8s.io/component-base/version.gitVersion"}
_REQUIRED = re.compile(r"^\s*(?:require )?(\S+) (v\S+)(?: //.*)?$", re.MULTILINE)
# Nobody waits for a build: it gets the processor that others leave.
PATIENTLY = ("nice", "-n", "19")


class NoTool(Exception):
    """A tool can't be built or a module can't be had; the message is for people."""


def names() -> list[str]:
    """Return the folders that can be built, in the order of their names."""
    return sorted(path.parent.name for path in HERE.glob("*/go.mod") if _packages(path))


def programs(name: str) -> list[str]:
    """Return what a folder builds: itself, or the programs of its `tool` lines. Raises NoTool."""
    return list(_by_program(name))


def tool(name: str, program: str | None = None) -> Path:
    """Return the program of a folder, building it if these versions were not built before.

    `program` says which one, where the folder has several. Raises NoTool.
    """
    known = _by_program(name)
    program = program or name
    if program not in known:
        raise NoTool(f"deploy/tools/{name} builds {', '.join(known)}, no {program}")
    built = _kept(name) / program
    if not built.exists():
        print(f"delivery: building {known[program]} (once for these versions)", file=sys.stderr)
        built.parent.mkdir(parents=True, exist_ok=True)
        half = built.with_suffix(f".{os.getpid()}")
        flags = ("-buildvcs=false", "-trimpath", f"-ldflags={_linked(name)}")
        _go(HERE / name, "build", *flags, "-o", half, known[program])
        half.rename(built)
    return built


def modules(name: str) -> dict[str, Path]:
    """Return the folders of the modules that a go.mod names, by path. Raises NoTool."""
    folder = _folder(name)
    wanted = [path for path, _ in _REQUIRED.findall((folder / "go.mod").read_text())]
    found: dict[str, Path] = {}
    text = _go(folder, "mod", "download", "-json", *wanted)
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        module, place = decoder.raw_decode(text, place)
        place += len(text[place:]) - len(text[place:].lstrip())
        found[module["Path"]] = Path(module["Dir"])
    return found


def data_folder() -> Path:
    """Return where things are kept: FRONTROW_DATA, else `.data` beside the code.

    As `stack.data_dir.default_data`, but the workflows that come by here have no package of it.
    """
    return Path(os.environ.get("FRONTROW_DATA") or ROOT / ".data").absolute()


def kept_for(name: str) -> Path:
    """Return the folder for what is made of a tool's or a list's present versions."""
    folder = _kept(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder(name: str) -> Path:
    folder = HERE / name
    if not (folder / "go.mod").is_file():
        raise NoTool(f"there is no deploy/tools/{name}: known are {', '.join(names())}")
    return folder


def _by_program(name: str) -> dict[str, str]:
    """Return the packages of a folder by the program that each becomes."""
    packages = _packages(_folder(name) / "go.mod")
    if not packages:
        raise NoTool(f"deploy/tools/{name}/go.mod has no line `tool`: nothing to build")
    if len(packages) == 1:
        return {name: packages[0]}
    return {package.rpartition("/")[2]: package for package in packages}


def _packages(module: Path) -> list[str]:
    return [
        package
        for one, block in _TOOL.findall(module.read_text())
        for package in (one, *block.split())
        if package
    ]


def _linked(name: str) -> str:
    """Return what the linker leaves out (symbols) and writes in (the version)."""
    required = dict(_REQUIRED.findall((HERE / name / "go.mod").read_text()))
    own = {path for path in _STAMPS for one in _by_program(name).values() if one.startswith(path)}
    return " ".join(["-s -w", *(f"-X {_STAMPS[path]}={required[path]}" for path in own)])


def _kept(name: str) -> Path:
    digest = hashlib.sha256(_version_of_go().encode())
    for file in ("go.mod", "go.sum"):
        digest.update((HERE / name / file).read_bytes())
    return data_folder() / "tools" / f"{name}-{digest.hexdigest()[:16]}"


def _version_of_go() -> str:
    if shutil.which("go") is None:
        raise NoTool("no `go` is found: the delivery checks need Go 1.26 or newer")
    done = subprocess.run(
        ["go", "env", "GOVERSION"], cwd=HERE, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _go(folder: Path, *arguments: str | Path) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    command: Sequence[str | Path] = (*PATIENTLY, "go", *arguments)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-3:]
        raise NoTool(f"go {arguments[0]} in deploy/tools/{folder.name} failed: {' '.join(last)}")
    return done.stdout


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Build the tools that are named, or all of them, and print where each is."""
    try:
        for name in arguments or names():
            for program in programs(name):
                print(tool(name, program))
    except NoTool as problem:
        print(f"delivery: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
