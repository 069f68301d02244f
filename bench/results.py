"""Measured runs as JSON, each with its machine: docs/measurements/, of which pages are made."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proof import measures

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "measurements"

_OF_A_REHEARSAL = ("profile", "seed", "seconds", "ideal_seconds", "sold", "targets", "client")


def machine(load_before: float) -> dict[str, Any]:
    """Return what ran the measurement, and how busy it was before and after."""
    return {
        "measured_on": datetime.now(UTC).strftime("%Y-%m-%d"),
        **measures.machine(),
        "load_before": load_before,
        "load_after": measures.load_average(),
        "commit": _commit(),
    }


def save(name: str, figures: dict[str, Any]) -> Path:
    """Write one run; the run before of the same measurement is replaced."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / f"{name}.json"
    place.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    return place


def keep_rehearsal(report: Path) -> Path:
    """Keep what a page shows of a rehearsal that has just ended, by the name of its profile."""
    found = json.loads(report.read_text())
    kept = {part: found[part] for part in _OF_A_REHEARSAL}
    return save(
        f"rush-{found['profile']['name']}", {**kept, "machine": machine(found["machine"]["load"])}
    )


def load(name: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """Return the run that was saved, None where there is none."""
    place = folder / f"{name}.json"
    if not place.exists():
        return None
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=FOLDER.parent.parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
