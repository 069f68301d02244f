"""Check or write what is made of the chart: `.venv/bin/python -m deploy.chart check|write`.

`check`: for every file of values helm lints and renders, and kubeconform compares the objects with
their schemas; production's objects and the README are as committed. `write` writes these two.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from deploy.chart import rendering, schemas
from deploy.chart.rendering import GOLDEN, ChartRefused
from deploy.tools.build import ROOT, NoTool, tool

README = rendering.CHART / "README.md"


def conforms(objects: str) -> None:
    """Let kubeconform compare objects (YAML) with their schemas. Raises ChartRefused."""
    where = f"{schemas.folder()}/{schemas.LOCATION}"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(objects)
        file.flush()
        command = [str(tool("kubeconform")), "-strict", "-schema-location", where, file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ChartRefused((done.stdout + done.stderr).replace(f"{file.name} - ", "").strip())


def _conforms_in(environment: str) -> None:
    conforms(rendering.render(environment))


def _is_as_written(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        name = path.relative_to(ROOT)
        raise ChartRefused(f"{name} is another: `make chart` writes it, and its diff is reviewed")


def _steps() -> list[tuple[str, Callable[[], None]]]:
    steps: list[tuple[str, Callable[[], None]]] = []
    for environment in rendering.environments():
        steps += [
            (f"{environment}: helm lint", partial(rendering.lint, environment)),
            (f"{environment}: kubeconform", partial(_conforms_in, environment)),
        ]
    return [
        *steps,
        ("production: as committed", lambda: _is_as_written(GOLDEN, golden())),
        ("README: as committed", lambda: _is_as_written(README, rendering.readme())),
    ]


def golden() -> str:
    """Return production's objects as they are committed."""
    return "# Written by `make chart`: what helm makes of values-production.yaml.\n" + (
        rendering.render("production")
    )


def check() -> int:
    """Print a line for each step; return how many failed."""
    failed = 0
    for name, step in _steps():
        try:
            step()
        except ChartRefused as problem:
            failed += 1
            print(f"delivery: {name}: FAILED\n{problem}")
        else:
            print(f"delivery: {name}: ok", flush=True)
    return failed


def write() -> int:
    """Write what is committed."""
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(golden())
    README.write_text(rendering.readme())
    return 0


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the argument says; 0: all is well, 1: something was refused, 2: a tool is missing."""
    commands = {"check": check, "write": write}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("delivery: what? check or write", file=sys.stderr)
        return 2
    try:
        return min(commands[arguments[0]](), 1)
    except ChartRefused as problem:
        print(f"delivery: {problem}", file=sys.stderr)
        return 1
    except NoTool as problem:
        print(f"delivery: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
