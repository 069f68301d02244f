"""Prometheus's own checker of rules."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

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


@pytest.fixture
def number(promtool: Promtool, tmp_path: Path) -> Callable[[str, list[dict[str, str]]], float]:
    """Return what a query says after ten minutes of series; fails unless that is one number."""

    def ask(query: str, series: list[dict[str, str]]) -> float:
        # promtool says what it found where that is not what was expected.
        tests = tmp_path / "test.yml"
        case = {"expr": f"({query}) + 0", "eval_time": "10m", "exp_samples": []}
        one = {"interval": "15s", "input_series": series, "promql_expr_test": [case]}
        tests.write_text(json.dumps({"evaluation_interval": "15s", "tests": [one]}))
        with pytest.raises(AssertionError) as failed:
            promtool("test", "rules", tests)
        said = re.search(r"got:\s*(.*)", str(failed.value))
        assert said, str(failed.value)
        [(labels, found)] = re.findall(r"(?:Labels: ?)?(\{\})\D+?([-+.\deENaInf]+)", said[1])
        assert labels == "{}"
        return float(found)

    return ask


@pytest.fixture
def says_nothing(promtool: Promtool, tmp_path: Path) -> Callable[..., bool]:
    """Say whether a query returns nothing (or only `beside`) where there is no series at all."""

    def ask(query: str, beside: list[dict[str, object]] | None = None) -> bool:
        case = {"expr": query, "eval_time": "10m", "exp_samples": beside or []}
        tests = tmp_path / "test.yml"
        tests.write_text(json.dumps({"tests": [{"interval": "15s", "promql_expr_test": [case]}]}))
        promtool("test", "rules", tests)
        return True

    return ask
