"""Write or check the dashboards: `.venv/bin/python observability/sdk.py write|check`.

Installs the SDK of Grafana by requirements/dashboards.txt into `.grafana`, once for each list,
and runs `observability.dashboards` with it. Nothing else of the project needs the SDK.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "dashboards.txt"
HOME = ROOT / ".grafana"
MODES = ("write", "check")


def install() -> None:
    """Bring `.grafana` to the list; hashes are checked."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = HOME / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("dashboards: installing requirements/dashboards.txt (hashes checked)", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-input", "--no-deps", "--require-hashes", "--target", str(HOME)]
    if subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False).returncode != 0:
        sys.exit("dashboards: installing requirements/dashboards.txt failed (see above)")
    stamp.write_text(wanted)


def main() -> None:
    mode = sys.argv[1] if len(sys.argv) == 2 else ""
    if mode not in MODES:
        sys.exit("dashboards: what? write or check")
    install()
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    command = [sys.executable, "-m", "observability.dashboards", mode]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
