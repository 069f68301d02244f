"""What helm makes of the chart with a file of values."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.tools.build import ROOT, tool

CHART = ROOT / "helm" / "frontrow"
GOLDEN = ROOT / "tests" / "delivery" / "golden" / "production.yaml"
KUBERNETES = "1.37.2"  # the version of deploy/tools/schemas/go.mod
# The pipeline names the bytes; here any will do.
_DIGEST = "sha256:" + "0" * 64


class ChartRefused(Exception):
    """A tool refuses the chart; the message is its own."""


def environments() -> dict[str, Path]:
    """Return the files of values by the environment they are for."""
    return {path.stem.removeprefix("values-"): path for path in sorted(CHART.glob("values-*.yaml"))}


def render(environment: str, *more: str, release: str = "frontrow") -> str:
    """Return the objects of an environment as YAML; `more` are further arguments of helm.

    Raises ChartRefused where helm refuses the chart or the values.
    """
    return helm("template", release, str(CHART), *_arguments(environment), *more)


def values_of(environment: str, chart: Path = CHART) -> list[str]:
    """Return helm's arguments for the values of an environment, with an image where one is due."""
    arguments = ["--values", str(chart / f"values-{environment}.yaml")]
    if environment != "kind-of-all":  # which takes an image that was loaded by hand
        arguments += ["--set", f"image.digest={_DIGEST}"]
    return arguments


def lint(environment: str) -> None:
    """Let helm look for mistakes. Raises ChartRefused for the first."""
    helm("lint", "--strict", "--quiet", str(CHART), *_arguments(environment))


def readme() -> str:
    """Return the chart's README as helm-docs writes it from values.yaml."""
    command = [str(tool("helm-docs")), "--chart-search-root", str(CHART), "--dry-run"]
    return _run([*command, "--log-level", "error", "--sort-values-order", "file"])


def helm(*arguments: str) -> str:
    """Return what helm prints. Raises ChartRefused."""
    return _run([str(tool("helm")), *arguments])


def _arguments(environment: str) -> list[str]:
    where = ["--namespace", "frontrow", "--kube-version", KUBERNETES]
    return [*where, *values_of(environment)]


def _run(command: list[str]) -> str:
    with _own_home() as home:
        done = subprocess.run(
            command, cwd=ROOT, env=home, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise ChartRefused((done.stdout + done.stderr).strip())
    return done.stdout


@contextmanager
def _own_home() -> Iterator[dict[str, str]]:
    """Give an environment in which a tool finds nothing of the person who runs it."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"PATH": os.environ["PATH"], "HOME": folder}
