"""docs/drills-alerts.md: the figures of the last run of each fault, with machine and date."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from drills.alerts.faults import FAULTS
from proof.rush.rehearsal import ROOT

KEPT = ROOT / "docs" / "measurements" / "drills-alerts.json"
PAGE = ROOT / "docs" / "drills-alerts.md"
_HEAD = """# Alerts that fire

Who was called, and when, as parts of an observed stack with spare parts (profile `ha`) were broken
one after the other under a light, steady load. `make drills-alerts` writes this page; nobody edits
it. [drills/README.md](../drills/README.md) says what a run is, [the runbook](runbook-alerts.md)
what each alert asks for.

*Received* counts from the fault until a webhook had the alert. At most: what the rule's own
threshold takes (or the servers need to notice), its `for`, and 30 s for the scrape, the evaluation
and the delivery. *Ended* counts from the mending until the webhook heard of the end. At most: the
window of the rule, and 60 s.
"""


def seconds(value: float | None) -> str:
    """Return a figure in s for people; a word for what never came."""
    return "never" if value is None else f"{value:g} s"


def save(report: Mapping[str, Any]) -> None:
    """Keep what a run tried in place of what was kept of the same, and write the page."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"quiet": None, "faults": {}}
    shared = {one: report[one] for one in ("date", "machine", "flows_per_second", "audit")}
    if report["quiet"]:
        kept["quiet"] = {**report["quiet"], **shared}
    kept["faults"] |= {one["fault"]: {**one, **shared} for one in report["faults"]}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    PAGE.write_text(page(kept))


def page(kept: Mapping[str, Any]) -> str:
    """Return the page of all that is kept."""
    return "\n".join([_HEAD, *_quiet(kept["quiet"]), *_faults(kept["faults"])]) + "\n"


def _quiet(one: Mapping[str, Any] | None) -> Iterator[str]:
    yield "## Nothing is broken\n"
    if one is None:
        yield "Not tried yet.\n"
        return
    came = ", ".join(f"{count} x `{name}`" for name, count in one["alerts"].items())
    yield (
        f"`python -m drills alerts quiet`, {one['date']}: in {one['seconds']:g} s with"
        f" {one['flows_per_second']:g} flows a second came {came or 'no alert'}. {_machine(one)}\n"
    )


def _faults(faults: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Faults\n"
    yield "| fault | alert | received | at most | ended | at most | other alerts | date |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, one in faults.items():
        others = [f"`{other}`" for other in one["others"]]
        others += [f"`{other}` (not expected)" for other in one["unexpected"]]
        yield (
            f"| `{name}`: {one['says']} | `{one['alert']}` | {seconds(one['received_after'])} |"
            f" {one['limit']:g} s | {seconds(one['ended_after'])} | {one['end_limit']:g} s |"
            f" {', '.join(others)} | {one['date']} |"
        )
    if missing := [f"`{one.name}`" for one in FAULTS if one.name not in faults]:
        yield f"\nNot tried yet: {', '.join(missing)}."
    if faults:
        yield f"\n{_machine(list(faults.values())[-1])}"


def _machine(one: Mapping[str, Any]) -> str:
    made = one["machine"]
    return (
        f"{made['cores']} cores ({made['processor']}), {made['memory_gib']} GiB, {made['system']},"
        f" Python {made['python']}, load {made['load']:g} at the end; audit {one['audit']}."
    )
