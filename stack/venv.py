"""Make or refresh `.venv` from the pinned, hashed requirements: `python3 stack/venv.py local|dev`.

Runs on the machine's own Python before anything is installed, so it uses the standard library only
and keeps to a syntax that an old Python can still read: that one gets a sentence, not a traceback.
A stamp inside `.venv` (the hash of what was installed) makes a second run a matter of milliseconds.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import NoReturn

MINIMUM = (3, 11)
NEWEST = 15
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".requirements.json")
INCLUDES = {"local": ["local"], "dev": ["dev", "local"]}


def fail(message: str) -> NoReturn:
    sys.exit("setup: " + message)


def version() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def digest(name: str) -> str:
    with open(os.path.join(ROOT, "requirements", name + ".txt"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def installed() -> "dict[str, str]":
    """Return {requirements file: hash} of what `.venv` was last brought to."""
    try:
        with open(STAMP) as file:
            found: dict[str, str] = json.load(file)
            return found
    except (OSError, ValueError):
        return {}


def use_new_enough_python() -> None:
    """Go on under a newer interpreter of this machine where `python3` is too old."""
    if sys.version_info >= MINIMUM:
        return
    for minor in range(NEWEST, MINIMUM[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *sys.argv])
    fail(
        f"Python {MINIMUM[0]}.{MINIMUM[1]} or newer is needed, {sys.executable} is {version()}"
        " (make PYTHON=/path/to/python3 ... names another)"
    )


def usable() -> bool:
    check = f"import sys, pip; sys.exit(sys.version_info < {MINIMUM})"
    try:
        command = [VENV_PYTHON, "-c", check]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def create() -> None:
    try:
        import ensurepip  # noqa: F401, PLC0415  (Debian ships it apart; venv would fail half-way)
        import venv  # noqa: F401, PLC0415
    except ImportError:
        fail("this Python has no venv module (on Debian: apt-get install python3-venv)")
    print(f"setup: making .venv with Python {version()}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", VENV], check=False).returncode != 0:
        fail("python3 -m venv failed")


def install(name: str) -> None:
    print(f"setup: installing requirements/{name}.txt (hashes checked)", flush=True)
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--require-hashes"]
    command += ["-r", os.path.join(ROOT, "requirements", name + ".txt")]
    if subprocess.run(command, check=False).returncode != 0:
        fail(f"installing requirements/{name}.txt failed (see above)")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in INCLUDES:
        fail("which requirements? local or dev")
    use_new_enough_python()
    wanted = {part: digest(part) for part in INCLUDES[name]}
    done = installed()
    if all(done.get(part) == value for part, value in wanted.items()) and os.path.exists(
        VENV_PYTHON
    ):
        return
    if not usable():
        create()
        done = {}
    install(name)
    # What was installed by an older list of the other file may no longer hold beside this one.
    done = {part: value for part, value in done.items() if value == digest(part)}
    done.update(wanted)
    with open(STAMP, "w") as file:
        json.dump(done, file)


if __name__ == "__main__":
    main()
