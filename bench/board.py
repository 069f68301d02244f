"""What a board costs the API while a crowd buys, and how old its figures are.

The crowd is a rehearsal's (`proof/rush/`), on a stack of its own. One board stands open beside it
and asks as the page does. What a look costs is measured on the same stack with the same sale, once
the crowd is gone: the processor time of the API's processes while the board alone asks, each time
later than a document is kept, less what they use untouched. The share is that, times the looks
during the sale, of what the API used during the sale; beside it, as its upper end, the share if the
API had computed for as long as the looks were waited for.

How old figures are is said twice: by `as_of`, and by the oldest payment that its fan had been
answered and that they did not count. Import once the settings are read (`bench.own_stack`).
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import psutil

from bench.open_board import Look, OpenBoard
from proof.history import recorded
from proof.rush.client import HISTORY, SUMMARY
from proof.rush.faults import FaultRun
from proof.rush.live import LiveView
from proof.rush.profiles import PROFILES, checked
from proof.rush.rehearsal import ROOT, Rehearsal
from proof.rush.running import PreparedSale, RushOrder, play, prepare
from proof.rush.series import sold_seconds

MOST_SHARE, MOST_SECONDS = 0.01, 2.0
_SEED = 1
_QUIET_LOOKS, _QUIET_EVERY = 40, 1.2  # seconds: a document is kept for one
_LONGEST_SECONDS = 240.0
_LOGIN_SECONDS = 60
_SETTLE_SECONDS = 15.0  # for what follows a sale: events, letters, statistics


def measure(*, fans: int) -> dict[str, Any]:
    """Return the share of the API's processor time, and the ages in s.

    Raises `RehearsalFailed` where no stack comes up.
    """
    profile = replace(
        PROFILES["default"], name="board", fans=fans, longest_seconds=_LONGEST_SECONDS
    )
    stack = Rehearsal()
    try:
        with LiveView(out=sys.stderr) as view:
            stack.start(view.say)
            _, sale = prepare(RushOrder(checked(profile), _SEED, None, ()), stack)
            board = OpenBoard(
                stack.environment["FRONTROW_URL"], sale.sale["performance_id"], _login(stack)
            )
            before = _api_seconds(stack)
            with board.asking() as looks:
                play(stack, sale.folder, FaultRun(stack, ()), view)
            used = _api_seconds(stack) - before
        return _figures(sale, looks, used, _quiet_look(stack, board))
    finally:
        stack.drop()


def _figures(sale: PreparedSale, looks: list[Look], used: float, a_look: float) -> dict[str, Any]:
    client = json.loads((sale.folder / SUMMARY).read_text())
    history = recorded.read(sale.folder / HISTORY)
    sold = sorted(sold_seconds(history.operations, begun=0.0).values())
    ages = [one.age for one in looks]
    lacked = [_lacked(one, sold) for one in looks]
    share = len(looks) * a_look / used
    oldest = max(*ages, *lacked)
    return {
        "fans": len(sale.points),
        "seconds": round(client["seconds"], 1),
        "sold": len(sold),
        "looks": len(looks),
        "api_seconds": round(used, 2),
        "look_cpu_ms": round(a_look * 1000, 2),
        "share": round(share, 5),
        "share_by_time": round(sum(one.seconds for one in looks) / used, 5),
        "at_most_share": MOST_SHARE,
        "age_p50_s": round(sorted(ages)[len(ages) // 2], 3),
        "age_most_s": round(max(ages), 3),
        "lacked_most_s": round(max(lacked), 1),
        "at_most_s": MOST_SECONDS,
        "met": share < MOST_SHARE and oldest <= MOST_SECONDS,
    }


def _lacked(look: Look, sold: list[float]) -> float:
    """Return how long before the look the oldest payment was answered that it did not count.

    `sold` has the moment of each sold seat, in order.
    """
    missing = sold[look.sold :]
    return max(0.0, look.received - missing[0]) if missing else 0.0


def _quiet_look(stack: Rehearsal, board: OpenBoard) -> float:
    """Return the processor time of the API in s for a look, while nobody else asks anything."""
    time.sleep(_SETTLE_SECONDS)
    began, before = time.monotonic(), _api_seconds(stack)
    time.sleep(_QUIET_LOOKS * _QUIET_EVERY / 2)
    untouched = (_api_seconds(stack) - before) / (time.monotonic() - began)
    began, before = time.monotonic(), _api_seconds(stack)
    for _ in range(_QUIET_LOOKS):
        board.look()
        time.sleep(_QUIET_EVERY)
    used = _api_seconds(stack) - before
    return (used - untouched * (time.monotonic() - began)) / _QUIET_LOOKS


def _api_seconds(stack: Rehearsal) -> float:
    """Return the processor time of the API's processes so far."""
    parts = json.loads(stack.stack("status", "--json"))["parts"]
    [api] = [part for part in parts if part["part"] == "api"]
    mothers = [psutil.Process(one["pid"]) for one in api["processes"]]
    family = [one for each in mothers for one in (each, *each.children(recursive=True))]
    return sum(sum(one.cpu_times()[:2]) for one in family)


def _login(stack: Rehearsal) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.staff_login"],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=_LOGIN_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"bench.staff_login: {done.stderr[-2000:]}")
    name, value = json.loads(done.stdout.splitlines()[-1])
    return name, value
