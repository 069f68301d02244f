"""`manage.py audit` on a running site."""

import json
import subprocess
import sys
from typing import Any

from tests.support.site import ROOT, Site
from tests.support.waiting import await_that

# What a running site settles by itself, in its time.
SETTLING = {
    "outcomes_become_known",
    "gateway_is_asked",
    "events_are_published",
    "claims_agree",
}


def audit(site: Site, *arguments: str) -> dict[str, Any]:
    """Return the report of an audit of the whole site, whatever it found."""
    done = subprocess.run(
        [sys.executable, "manage.py", "audit", "--json", *arguments],
        env=site.env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1, 2}, done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def found(report: dict[str, Any]) -> dict[str, list[str]]:
    """Return what the checks found, by check."""
    return {
        one["check"]: [f"{it['subject']} {it['detail']}" for it in one["violations"]]
        for one in report["checks"]
        if one["violations"]
    }


def await_clean(site: Site, *, seconds: float = 60) -> None:
    """Wait until nothing is left to settle; what commits together must be right at once."""
    reports: list[dict[str, Any]] = []

    def is_clean() -> bool:
        reports[:] = [audit(site, "--settled-after", "1")]
        wrong = {name: what for name, what in found(reports[0]).items() if name not in SETTLING}
        assert wrong == {}
        return bool(reports[0]["outcome"] == "clean")

    try:
        await_that(is_clean, "the audit is clean", seconds=seconds)
    except AssertionError as error:
        seen = [(report["outcome"], found(report)) for report in reports]
        raise AssertionError(f"{error}: {seen}") from error
