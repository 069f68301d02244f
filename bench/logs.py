"""How much each process logs for 1,000 requests of a small sale, on a stack of its own.

Import once the settings are read (`bench.own_stack`).
"""

import sys
import time
from pathlib import Path
from typing import Any

from proof.rush.faults import FaultRun
from proof.rush.live import LiveView
from proof.rush.profiles import RushProfile, checked
from proof.rush.rehearsal import Rehearsal
from proof.rush.running import RushOrder, play, prepare, settled_audit

_SEED = 1
_PER = 1_000  # requests
_GATEWAY = "access"  # a line for each request
_LETTERS_SECONDS = 10.0  # what follows an event is logged within them


def measure(*, fans: int) -> dict[str, Any]:
    """Return bytes and lines of each log for 1,000 requests at the gateway.

    Raises `RehearsalFailed` where no stack comes up.
    """
    profile = checked(
        RushProfile(
            "logs",
            fans=fans,
            arrival_seconds=20.0,
            think_seconds=2.0,
            lists_each=2,
            share_bots=0.0,
            connections=200,
            longest_seconds=120.0,
        )
    )
    stack = Rehearsal()
    try:
        with LiveView(out=sys.stderr) as view:
            stack.start(view.say)
            _, prepared = prepare(RushOrder(profile, _SEED, None, ()), stack)
            before = _written(stack.site / "logs")
            play(stack, prepared.folder, FaultRun(stack, ()), view)
        settled_audit(stack)
        time.sleep(_LETTERS_SECONDS)
        after = _written(stack.site / "logs")
    finally:
        stack.drop()
    requests = after[_GATEWAY][1] - before[_GATEWAY][1]
    added = {
        name: tuple(now - then for now, then in zip(found, before.get(name, (0, 0)), strict=True))
        for name, found in after.items()
    }
    return {
        "fans": fans,
        "requests": requests,
        "processes": {
            name: {
                "bytes": round(_PER * size / requests),
                "lines": round(_PER * lines / requests, 1),
            }
            for name, (size, lines) in sorted(added.items(), key=lambda one: -one[1][0])
            if size
        },
    }


def _written(folder: Path) -> dict[str, tuple[int, int]]:
    """Return bytes and lines of each log, with the older file of one that was cut."""
    found: dict[str, tuple[int, int]] = {}
    for file in folder.glob("*.log*"):
        name, text = file.name.partition(".")[0], file.read_bytes()
        size, lines = found.get(name, (0, 0))
        found[name] = size + len(text), lines + text.count(b"\n")
    return found
