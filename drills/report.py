"""docs/drills.md: the figures of the last run of each drill, with its command, machine and date."""

import json
from collections.abc import Mapping
from typing import Any

from drills.catalogue import QUICK
from proof.rush.rehearsal import ROOT

KEPT = ROOT / "docs" / "measurements" / "drills.json"
PAGE = ROOT / "docs" / "drills.md"
_SHARED = ("drill", "says", "control", "verdict", "date", "machine", "flows_per_second", "requests")
_TAKEN = "seconds"  # with the start of its stack, where it did not find one
_FIGURES = ("acknowledged", "lost", "figures", "limits", "errors", "audit", "broken", "missed")
_EXAMPLES = 3
_HEAD = """# Drills

What fans and stores saw when a part of a stack with spare parts was lost under load. `make drills`
writes this page; nobody edits it. [drills/README.md](../drills/README.md) says what a run is, what
is judged, and what is not in it; [the runbook](runbook.md#a-server-with-spare-parts-is-lost) what
to do.

An outage (`join` to `pay`) is the longest time in which no operation of its kind was acknowledged,
from the fault on. A control is the same drill without its guard: it has to be BROKEN.
"""


def save(report: Mapping[str, Any]) -> None:
    """Keep a run in place of the last one of its drill, and write the page."""
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    name = report["drill"] + (" --control" if report["control"] else "")
    kept[name] = {one: report[one] for one in (*_SHARED, *_FIGURES, _TAKEN)}
    kept[name]["broken"] = {"count": len(report["broken"]), "some": report["broken"][:_EXAMPLES]}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    PAGE.write_text(page(kept))


def page(kept: Mapping[str, Any]) -> str:
    """Return the page of all that is kept."""
    lines = [_HEAD, *_quick_ones(kept)]
    lines.append("| command | verdict | lost of acknowledged | audit | broken | seconds | date |")
    lines.append("|---|---|---|---|---|---|---|")
    for name, one in kept.items():
        lines.append(
            f"| `python -m drills {name}` | {one['verdict']} |"
            f" {one['lost']} of {one['acknowledged']} | {one['audit']} |"
            f" {one['broken']['count']} | {one.get(_TAKEN, '')} | {one['date']} |"
        )
    for name, one in kept.items():
        lines += ["", *_section(name, one)]
    return "\n".join(lines) + "\n"


def _quick_ones(kept: Mapping[str, Any]) -> list[str]:
    """Return how long `make drills` takes, where the last run of each of its drills says so."""
    seconds = [kept.get(name, {}).get(_TAKEN) for name in QUICK]
    if None in seconds:
        return []
    names = ", ".join(f"`{name}`" for name in QUICK)
    return [f"`make drills` runs {names}: {sum(seconds) / 60:.0f} minutes in all.", ""]


def _section(name: str, one: Mapping[str, Any]) -> list[str]:
    machine = one["machine"]
    lines = [
        f"## {name.replace(' --control', ', without its guard')}",
        "",
        f"{one['says']} `python -m drills {name} --rate {one['flows_per_second']:g}`,"
        f" {one['date']}:"
        f" {one['requests']:,} requests, {machine['cores']} cores ({machine['processor']}),"
        f" {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, load"
        f" {machine['load']:g} at the end.",
        "",
        "| figure | seconds, or number | at most |",
        "|---|---|---|",
    ]
    for figure, value in one["figures"].items():
        most = one["limits"].get(figure)
        lines.append(f"| {figure} | {value:g} | {'' if most is None else f'{most:g}'} |")
    errors = ", ".join(f"{count} x `{error}`" for error, count in one["errors"].items())
    lines += ["", f"Not served: {errors or 'nothing'}."]
    for title, sentences in (("Missed", one["missed"]), ("Broken", one["broken"]["some"])):
        if sentences:
            lines += ["", f"{title}:", "", *(f"- {sentence}" for sentence in sentences)]
    return lines
