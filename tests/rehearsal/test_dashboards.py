"""Every panel of the dashboards shows something once a few fans have bought."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.rehearsal.test_observed_stack import ROOT, ObservedStack
from tests.support.waiting import await_that

pytestmark = pytest.mark.timeout(1200)
FANS = 3


@pytest.fixture
def observed():
    with tempfile.TemporaryDirectory(prefix="frt-dash-") as name:
        Path(name).chmod(0o755)  # root's servers run as another user
        site = ObservedStack(Path(name), "plain", "")
        try:
            site.up()
            yield site
        finally:
            site.stack("reset", seconds=120)


def test_every_query_of_every_panel_returns_data(observed):
    lines = observed.stack("env").splitlines()
    given = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    environment = {**observed.environment, **{k: v.strip("'\"") for k, v in given.items()}}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, *words]
        return subprocess.run(
            argv, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    for number in range(1, FANS + 1):
        fan = ("--concert", "Hanok", "--fan", f"fan{number}@example.com")
        bought = run("manage.py", "buy", *fan)
        assert bought.returncode == 0, bought.stdout[-2000:] + bought.stderr

    url = observed.prometheus.removesuffix("/api/v1")
    asked: list[str] = []

    def all_have_data() -> bool:
        done = run("-m", "observability.live", "--url", url)
        asked[:] = [done.stdout + done.stderr]
        return done.returncode == 0

    try:
        await_that(all_have_data, "every panel has data", seconds=180)
    except AssertionError:
        raise AssertionError(asked[0]) from None
