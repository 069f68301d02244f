"""Prometheus's own checker of rules."""

import subprocess
from collections.abc import Callable

import pytest

from stack import observers
from stack.data_dir import default_data
from stack.process import Tools

Promtool = Callable[..., str]


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Return what runs promtool and returns its lines; it fails with them where promtool does."""
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    program = observers.PROMTOOL.path(downloads, Tools())

    def run(*arguments: object) -> str:
        argv = [str(program), *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
