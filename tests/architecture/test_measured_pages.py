"""The tables and charts of measured runs are those of the runs that are kept."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings


def test_pages_say_what_was_measured():
    done = subprocess.run(
        [sys.executable, "-m", "bench", "report", "--check"],
        cwd=Path(settings.BASE_DIR),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
