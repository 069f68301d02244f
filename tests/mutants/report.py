"""What a mutation run has found, for people (Markdown) and machines."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutants.mutation import Mutant
from tests.mutants.worker import Result, Verdict

_COUNTED = (Verdict.KILLED, Verdict.SURVIVED, Verdict.UNTESTED)


def explanations(path: Path) -> dict[str, str]:
    """Return why a mutant may survive, by its id."""
    if not path.exists():
        return {}
    return {row["id"]: row["why"] for row in tomllib.loads(path.read_text())["survivor"]}


def summary(mutants: Sequence[Mutant], results: dict[str, Result]) -> dict[str, Any]:
    """Return the counts; invalid mutants are no proof of anything and are left out of the share."""
    counts = Counter(results[m.id].verdict for m in mutants if m.id in results)
    counted = sum(counts[verdict] for verdict in _COUNTED)
    alive = counted - counts[Verdict.KILLED]
    return {
        "mutants": len(mutants),
        "tried": sum(counts.values()),
        **{verdict.value: counts[verdict] for verdict in Verdict},
        "survived_percent": round(100 * alive / counted, 1) if counted else None,
    }


def survivors(mutants: Sequence[Mutant], results: dict[str, Result]) -> list[tuple[Mutant, Result]]:
    """Return the mutants that no test noticed."""
    alive = (Verdict.SURVIVED, Verdict.UNTESTED)
    return [
        (m, results[m.id]) for m in mutants if m.id in results and results[m.id].verdict in alive
    ]


def markdown(mutants: Sequence[Mutant], results: dict[str, Result], reasons: dict[str, str]) -> str:
    """Return the survivors as a table."""
    rows = ["| where | guard removed | why it may survive |", "|---|---|---|"]
    for mutant, _ in survivors(mutants, results):
        why = reasons.get(mutant.id, "**not explained**")
        what = f"{mutant.operator}: `{_cell(mutant.original)}` → `{_cell(mutant.replacement)}`"
        rows.append(f"| {mutant.path} | {what} | {why} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")[:160]
