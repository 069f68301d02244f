"""Build the tools of the delivery checks: `.venv/bin/python -m deploy.tools.build helm`.

Each tool has a folder of its own here with a `go.mod`, whose `tool` line says what is built, and a
`go.sum`, so that one tool's versions move no other's. What is built is kept in the data folder
(`FRONTROW_DATA`, else `.data`) by the hash of both files and the version of Go. Modules come from
where the machine's Go takes them, and are believed by their sums alone.
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
_TOOL = re.compile(r"^tool (\S+)$", re.MULTILINE)
_REQUIRED = re.compile(r"^\s*(?:require )?(\S+) (v\S+)(?: //.*)?$", re.MULTILINE)
# Nobody waits for a build: it gets the processor that others leave.
_PATIENTLY = ("nice", "-n", "19")


class NoTool(Exception):
    """A tool can't be built or a module can't be had; the message is for people."""


def names() -> list[str]:
    """Return the tools that can be built, in the order of their names."""
    return sorted(path.parent.name for path in HERE.glob("*/go.mod") if _program(path))


def tool(name: str) -> Path:
    """Return the program, building it if these versions were not built before. Raises NoTool."""
    folder = _folder(name)
    package = _program(folder / "go.mod")
    if package is None:
        raise NoTool(f"deploy/tools/{name}/go.mod has no line `tool`: nothing to build")
    program = _kept(name) / name
    if not program.exists():
        print(f"delivery: building {package} (once for these versions)", file=sys.stderr)
        program.parent.mkdir(parents=True, exist_ok=True)
        half = program.with_suffix(f".{os.getpid()}")
        _go(folder, "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", half, package)
        half.rename(program)
    return program


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


def _program(module: Path) -> str | None:
    found = _TOOL.search(module.read_text())
    return found[1] if found else None


def _kept(name: str) -> Path:
    data = Path(os.environ.get("FRONTROW_DATA") or ROOT / ".data").absolute()
    digest = hashlib.sha256(_version_of_go().encode())
    for file in ("go.mod", "go.sum"):
        digest.update((HERE / name / file).read_bytes())
    return data / "tools" / f"{name}-{digest.hexdigest()[:16]}"


def _version_of_go() -> str:
    if shutil.which("go") is None:
        raise NoTool("no `go` is found: the delivery checks need Go 1.26 or newer")
    done = subprocess.run(
        ["go", "env", "GOVERSION"], cwd=HERE, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _go(folder: Path, *arguments: str | Path) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    command: Sequence[str | Path] = (*_PATIENTLY, "go", *arguments)
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
            print(tool(name))
    except NoTool as problem:
        print(f"delivery: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
