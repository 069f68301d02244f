"""Find every guard that can be removed, and draw a sample of them."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutants.mutation import Mutant, from_edits, identity
from tests.mutants.operators import lua, python

APPS = ("reservations", "payments", "points", "idempotency", "queueing", "events")
# The rooms in which an app keeps its rules: all apps', events', reservations'.
_ROOMS = (
    *("operations", "usecases", "locking", "queries"),
    *("relay", "runtime", "replay"),
    *("availability", "claims", "seat_changes"),
)


def in_files(root: Path) -> list[Mutant]:
    """Return the mutants of all sources, by path and place."""
    found: list[Mutant] = []
    for path in sources(root):
        content = path.read_bytes()
        edits = lua.edits(content.decode()) if path.suffix == ".lua" else python.edits(content)
        found += from_edits(path.relative_to(root).as_posix(), content, edits)
    return found


def sources(root: Path) -> list[Path]:
    """Return the files that hold the apps' rules."""
    found: set[Path] = set()
    for app in APPS:
        found.update((root / app / "lua").glob("*.lua"))
        for room in _ROOMS:
            found.update((root / app).glob(f"{room}.py"))
            found.update((root / app / room).rglob("*.py"))
    return sorted(found)


def in_databases(constraints: Iterable[dict[str, str]]) -> list[Mutant]:
    """Return a mutant for each constraint that the survey of the test databases saw."""
    return [
        Mutant(
            identity(c["table"], c["name"]),
            path=c["table"],
            line=0,
            operator=f"constraint {c['kind']}",
            original=c["name"],
            replacement="left out",
            database=c["database"],
        )
        for c in constraints
        if c["table"].startswith(tuple(f"{app}_" for app in APPS))
    ]


def sample(mutants: Sequence[Mutant], *, size: int, seed: int) -> list[Mutant]:
    """Draw `size` mutants (0: all), the same for the same seed and mutants, in their order."""
    if not size or size >= len(mutants):
        return list(mutants)
    chosen = {m.id for m in random.Random(seed).sample(sorted(mutants, key=lambda m: m.id), size)}
    return [mutant for mutant in mutants if mutant.id in chosen]
