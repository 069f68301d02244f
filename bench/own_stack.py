"""What a stack of a measurement's own needs of the settings before it is imported."""

import os
import shlex
import subprocess
import sys

import django

from stack.data_dir import ROOT


def read_settings() -> None:
    """Put what `python -m stack env` says into this process's environment; make Django ready.

    The stack itself is a rehearsal's, whose module reads Django's settings, and what plays a sale
    reads models: import them afterwards.
    """
    printed = subprocess.run(
        [sys.executable, "-m", "stack", "env"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    words = shlex.split(printed.stdout)
    os.environ.update(dict(word.split("=", 1) for word in words if word != "export"))
    django.setup()
