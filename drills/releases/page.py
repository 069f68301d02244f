"""docs/drills-releases.md: what became of each release, with machine and date."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proof.rush.rehearsal import ROOT

KEPT = ROOT / "docs" / "measurements" / "drills-releases.json"
PAGE = ROOT / "docs" / "drills-releases.md"
_HEAD = """# Releases that go wrong

Builds of Frontrow as real processes behind nginx, under a steady load. Argo Rollouts and the API
server are the real ones; they move the weights on the Ingress, nginx follows, Prometheus measures
both builds, and the analysis of [releasing](releasing.md) decides. `make drills-releases` writes
this page; nobody edits it. [drills/README.md](../drills/README.md) says what is real in it, and
what is not.

*Met it*: requests that the new build answered, from its first to its last, and their share of all
within that time. *Met for*: how long that was. *Back after*: seconds of `python -m release
rollback` until all requests went to the build before. Pauses are 150 and 45 s instead of 5 and 10
minutes, and Prometheus is asked each 5 s instead of each 30. *Load* is the machine's over
a minute, at the end.
"""
_TABLE = (
    "| build | became | shares | requests | failed (old, new) | met it | fans (all, met)"
    " | met for | back after | audit | broken | load |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
)


def save(reports: Sequence[Mapping[str, Any]]) -> None:
    """Keep the runs in place of what was kept of the same cases, and write the page."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    new: dict[str, list[Mapping[str, Any]]] = {}
    for one in reports:
        new.setdefault(one["case"] + (" --control" if one["control"] else ""), []).append(one)
    KEPT.write_text(json.dumps(kept | new, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    PAGE.write_text(page(kept | new))


def page(kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the page of all that is kept."""
    judged = [one for name, runs in kept.items() if "--control" not in name for one in runs]
    controls = [one for name, runs in kept.items() if "--control" in name for one in runs]
    return "\n".join(
        [
            _HEAD,
            *_section("With analysis", "", judged),
            *_section("Controls: without analysis", " --control", controls),
        ]
    )


def _section(title: str, words: str, runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"## {title}\n"
    if not runs:
        yield "Not tried yet.\n"
        return
    of = runs[-1]["machine"]
    yield (
        f"`python -m drills releases{words}`, {runs[-1]['date']}, {runs[-1]['flows_per_second']:g}"
        f" flows a second: {of['cores']} cores ({of['processor']}), {of['memory_gib']} GiB,"
        f" {of['system']}, Python {of['python']}.\n"
    )
    yield from _TABLE
    for one in runs:
        back = "" if one["back_seconds"] is None else f"{one['back_seconds']:g} s"
        met = f"{one['met_seconds']:g} s" if one["met_seconds"] is not None else "never"
        yield (
            f"| {one['case']}: {one['says']} | {one['became']}"
            f" | {', '.join(f'{share} %' for share in one['shares'])} | {one['requests']:,}"
            f" | {one['failed']}, {one['failed_met']}"
            f" | {one['requests_met']:,} ({one['share_met']:.1%})"
            f" | {one['fans']:,}, {one['fans_met']:,} | {met} | {back} | {one['audit']}"
            f" | {len(one['broken'])} | {one['machine']['load']:g} |"
        )
    yield ""
    for one in runs:
        if one["message"]:
            yield f"- {one['case']}: Rollouts said: {one['message']}"
        yield from (f"- {one['case']}: **{sentence}**" for sentence in one["broken"])
    yield ""
