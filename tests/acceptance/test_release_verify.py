"""A running site is the release that was wished for, and can be watched; what is not is named."""

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.data_dir import release
from tests.support.site import Site
from tests.support.watching import JOBS, prometheus

ROOT = Path(__file__).resolve().parents[2]
FANS = 2


def verify(site: Site, url: str, *words: str) -> tuple[int, dict[str, list[str]]]:
    """Run the command; return its exit code, and what is wrong by what was looked at."""
    argv = [sys.executable, "-m", "release", "verify", site.url, "--prometheus", url, "--json"]
    done = subprocess.run(
        [*argv, *words], cwd=ROOT, env=site.env, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    looked = json.loads(done.stdout)["looked"]
    return done.returncode, {
        one["at"]: one["wrong"] or ([one["unknown"]] if one["unknown"] else []) for one in looked
    }


@pytest.fixture(scope="module")
def watched(site: Site, tmp_path_factory) -> Iterator[str]:
    """A Prometheus that has asked the site's processes."""
    with prometheus(site, tmp_path_factory.mktemp("watched") / "all") as url:
        yield url


@pytest.fixture(scope="module")
def fans(site: Site) -> list[str]:
    """The addresses of fans who can log in by one password."""
    made = site.fans(FANS)
    for one in made:
        site.give_password(one, "smoke word")
    return [one.email for one in made]


@pytest.fixture
def smoke(site: Site, watched: str, fans: list[str], tmp_path: Path):
    """Return what runs the pipeline's smoke test; only AWS and the cluster's door are stand-ins."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = shlex.quote(sys.executable)
    # `get --raw` is a proxy to Prometheus, `exec` runs in a process with the site's environment.
    lines = {
        "aws": "echo 'smoke word'",
        "kubectl": f"""case $1 in
  get) exec {python} -c 'import sys, urllib.request as u; print(u.urlopen(
sys.argv[1] + sys.argv[2].partition("/proxy")[2]).read().decode())' {watched} "$3" ;;
  exec) shift 6; exec {python} "$@" ;;
esac""",
    }
    for name, body in lines.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(concert: str, expect: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **site.env,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "AWS_REGION": "ap-northeast-2",
            "SITE": site.url,
            "CONCERT": concert,
            "FANS": " ".join(fans),
            "VERIFY_SECONDS": "150",  # a young site's first audit takes its turn
            **more,
        }
        return subprocess.run(
            ["deploy/ci/smoke.sh", expect],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_fans_buy_at_once_and_what_runs_is_verified(site, smoke, watched):
    sale = site.sale(seats=4)
    done = smoke(sale.concert_id, release())
    assert done.returncode == 0, done.stdout + done.stderr
    bought = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(bought) == 1 + FANS
    rows = site.rows(
        "SELECT status FROM reservations_reservation WHERE performance_id = %s",
        sale.performance_id,
    )
    assert rows == [("CANCELLED",)] * (1 + FANS)  # given back, each
    assert [line for line in done.stdout.splitlines() if line.startswith("step=")] == [
        "step=purchase",
        "step=rush",
        "step=verify",
    ]
    assert verify(site, watched, "--expect", release()) == (
        0,
        {"readiness": [], "version": [], "migrations": [], "metrics": []},
    )


@pytest.mark.control
def test_control_a_fan_of_the_rush_who_gets_no_ticket_fails_it(site, smoke, fans):
    failed = smoke(site.sale(seats=2).concert_id, release(), FANS=f"{fans[0]} nobody@example.com")
    assert failed.returncode == 1
    assert "1 of 2 fans of the rush have no ticket" in failed.stderr
    assert "step=verify" not in failed.stdout


@pytest.mark.control
def test_control_another_version_is_named(site, watched):
    code, wrong = verify(site, watched, "--expect", "another")
    assert code == 1
    assert f"1 of consumers run {release()}, not another" in wrong["version"]


@pytest.fixture
def other_migrations(site: Site) -> Iterator[None]:
    """The primary lacks one migration, and has one that nobody knows."""
    site.rows(
        "UPDATE django_migrations SET name = '9999_tomorrow'"
        " WHERE app = 'points' AND name = '0003_adjustments' RETURNING id"
    )
    yield
    site.rows(
        "UPDATE django_migrations SET name = '0003_adjustments'"
        " WHERE app = 'points' AND name = '9999_tomorrow' RETURNING id"
    )


@pytest.mark.control
def test_control_migrations_that_do_not_fit_are_named(site, watched, other_migrations):
    code, wrong = verify(site, watched)
    assert code == 1
    assert wrong["migrations"] == [
        "default: points.0003_adjustments is not applied",
        "default: points.9999_tomorrow is applied, and this release does not know it",
    ]


@pytest.mark.control
def test_control_a_missing_job_and_a_missing_series_are_named(site, tmp_path):
    jobs = {name: ports for name, ports in JOBS.items() if name != "stream"}
    with prometheus(site, tmp_path / "few", jobs=jobs, drop="frontrow_outbox_age_seconds") as url:
        code, wrong = verify(site, url)
    assert code == 1
    assert wrong["version"] == ["no process of stream says its release"]
    assert wrong["metrics"] == ["Prometheus has no frontrow_outbox_age_seconds"]


@pytest.mark.control
def test_control_who_cannot_be_asked_is_no_good_sign(site):
    code, unknown = verify(site, "http://127.0.0.1:1")
    assert code == 2
    assert "Prometheus" in unknown["version"][0]
