"""Install what is in requirements/delivery.txt: `python -m deploy.tools.checkers zizmor`.

They check Terraform, workflows and shell scripts. Their many dependencies are pinned apart from the
product's and live in an environment of their own in the data folder, by the hash of the list.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from deploy.tools.build import PATIENTLY, ROOT, NoTool, data_folder

REQUIREMENTS = ROOT / "requirements" / "delivery.txt"
NAMES = ("checkov", "shellcheck", "zizmor")


def checker(name: str) -> Path:
    """Return the program, installing the list if it was not installed before. Raises NoTool."""
    if name not in NAMES:
        raise NoTool(f"there is no checker {name}: known are {', '.join(NAMES)}")
    home = _home()
    if not (home / ".done").exists():
        _install(home)
    return home / "bin" / name


def _home() -> Path:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    return data_folder() / "tools" / f"checkers-{digest[:16]}"


def _install(home: Path) -> None:
    print("delivery: installing requirements/delivery.txt (hashes checked)", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, symlinks=True)
    pip = [*PATIENTLY, str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    command = [*pip, "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = " ".join(done.stderr.strip().splitlines()[-3:])
        raise NoTool(f"installing requirements/delivery.txt failed: {last}")
    (home / ".done").touch()


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Install what is not there yet, and print where each named checker is."""
    try:
        for name in arguments or NAMES:
            print(checker(name))
    except NoTool as problem:
        print(f"delivery: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
