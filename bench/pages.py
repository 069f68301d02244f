"""Pages in Chromium as a slow phone has them, on a stack of their own.

The bars: the largest picture within 1.5 s, 2.5 s on a slow network; shifts of 0.02 at most; a mark
within 100 ms of a press; no task over 200 ms while 5,000 seats load. A hall of 50,000 seats:
outline within 1.5 s, a section's seats 500 ms after zooming in, frames of 20 ms (60 at the 95th
percentile), 400 changes in 10 ms, two strings compared in 25 ms, 60 MB of heap.
"""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

from bench import page_visits as visits
from bench.own_stack import read_settings
from stack.data_dir import ROOT

_LOADS = 5
_PAINTS = 20
_HOLDS = 50
_PREPARE_SECONDS = 300

Bar = tuple[float, float]  # at most, found


def measure(*, quick: bool, seats: int) -> dict[str, Any]:
    """Return each bar with what was found; raises `RehearsalFailed` where no stack comes up."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on this machine: apt-get install chromium")
    stack = _own_stack()
    try:
        stack.start(lambda said: print(f"stack: {said}", file=sys.stderr))
        made = _prepared(stack.environment, seats)
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            bars = _bars(browser, stack, made, seats, quick=quick)
            browser.close()
    finally:
        stack.drop()
    shown = {
        name: {"at_most": most, "found": found, "met": found <= most}
        for name, (most, found) in bars.items()
    }
    return {"seats": seats, "bars": shown, "met": all(one["met"] for one in shown.values())}


def _bars(
    browser: Browser, stack: Any, made: dict[str, Any], seats: int, *, quick: bool
) -> dict[str, Bar]:
    url = f"{stack.environment['FRONTROW_URL']}/ko"
    small, large = (f"{url}/performances/{made[name]}" for name in ("small", "large"))
    shown = {
        "home": f"{url}/",
        "concert": f"{url}/concerts/{made['concert']}/",
        "performance": f"{small}/",
        "queue": f"{url}/performances/{made['room']}/queue/",
    }
    bars: dict[str, Bar] = {}
    for name, page in shown.items():
        visits.wait_for(page)
        for slow, most in ((False, 1_500), (True, 2_500)):
            found = visits.load(browser, page, slow=slow, times=1 if quick else _LOADS)
            where = f"{name}, slow network" if slow else name
            bars[f"{where}: largest picture, ms"] = (most, found["lcp_ms"])
            bars[f"{where}: shifts"] = (0.02, found["cls"])
    visits.wait_for(f"{small}/seats/")
    loaded = visits.all_seats(browser, f"{small}/seats/", 5_000)
    bars["5,000 seats: longest task while they load, ms"] = (200, loaded["longest_task_ms"])
    bars["press to mark, ms"] = (100, loaded["mark_ms"])
    bars |= _large(browser, f"{large}/seats/", seats, quick=quick)
    # From the left end of each row: no hold leaves a single seat.
    numbers = [row * 25 + place for place in range(5) for row in range(10)]
    numbers = numbers[: 5 if quick else _HOLDS]
    hold = _holder(stack, made, len(numbers))
    elsewhere = visits.holds_elsewhere(browser, f"{small}/seats/", hold, numbers)
    bars["a hold elsewhere is shown, p95 ms"] = (2_000, elsewhere["shown_p95_ms"])
    return bars


def _large(browser: Browser, url: str, seats: int, *, quick: bool) -> dict[str, Bar]:
    visits.wait_for(url)
    found = visits.large_hall(browser, url)
    drawn = visits.changes(browser, seats, times=3 if quick else _PAINTS)
    return {
        f"{seats:,} seats: {what}": bar
        for what, bar in {
            "outline, ms": (1_500, found["outline_ms"]),
            "a section's seats after zooming in, ms": (500, found["section_ms"]),
            "frame while panning, median ms": (20, found["pan_median_ms"]),
            "frame while panning, p95 ms": (60, found["pan_p95_ms"]),
            "frame while pinching, median ms": (20, found["pinch_median_ms"]),
            "frame while pinching, p95 ms": (60, found["pinch_p95_ms"]),
            "400 changes painted, ms": (10, drawn["painted"]),
            "two strings compared, ms": (25, drawn["compared"]),
            "heap, MB": (60, found["heap_mb"]),
        }.items()
    }


def _holder(stack: Any, made: dict[str, Any], count: int) -> Any:
    """Return what lets the next of some fans hold a seat."""
    printed = stack.manage("fans", "--count", str(count), "--points", "0", "--json")
    fans = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    client = httpx.Client(base_url=stack.environment["FRONTROW_URL"], trust_env=False, timeout=30)

    def hold(seat: int) -> None:
        body = {"performance_id": made["small"], "seat_ids": [made["seats"][seat]]}
        headers = {"Authorization": f"Bearer {fans.pop()['access_token']}"}
        client.post("/api/v1/reservations/", json=body, headers=headers).raise_for_status()

    return hold


def _prepared(environment: dict[str, str], seats: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.page_data", str(seats)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PREPARE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"bench.page_data: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _own_stack() -> Any:
    """Return a stack that is not started yet."""
    read_settings()
    # Imported late: it reads Django's settings.
    return import_module("proof.rush.rehearsal").Rehearsal()
