"""Visits to pages as a slow phone makes them, and what they took."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, CDPSession, Page

from bench.page_scripts import COUNT_FRAMES, DRAW_CHANGES, OPEN_MAP, WATCH

PHONE = {"width": 390, "height": 780}
SLOWER = 4
_SLOW_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
_SETTLE_MS = 1_000
_GESTURE_STEPS = 60
_PRESSES, _MARKS = 25, 4  # at most, and those that choose a seat
_WAIT_MS = 60_000
FUNCTIONS = Path(__file__).resolve().parent.parent / "ui" / "dist-tests" / "pure.js"

Seen = dict[str, Any]


@contextmanager
def phone(browser: Browser, *, slow: bool = False, map_first: bool = False) -> Iterator[Page]:
    """Open a page of a phone with an empty cache, its processor slowed down."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="ko")
    context.set_default_timeout(_WAIT_MS)
    page = context.new_page()
    page.add_init_script(WATCH + (OPEN_MAP if map_first else ""))
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    if slow:
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", _SLOW_NETWORK)
    yield page
    context.close()


def seen(page: Page) -> Seen:
    """Return what has been noted inside a page."""
    found: Seen = page.evaluate("() => globalThis.frSeen")
    return found


def until(page: Page, holds: Callable[[Seen], Any], what: str) -> Any:
    """Wait until what is noted meets a condition; return what that said."""
    deadline = time.monotonic() + _WAIT_MS / 1000
    while time.monotonic() < deadline:
        if found := holds(seen(page)):
            return found
        page.wait_for_timeout(50)
    raise TimeoutError(f"{what}: not within {_WAIT_MS / 1000:.0f} s; {seen(page)}")


def load(browser: Browser, url: str, *, slow: bool, times: int) -> dict[str, float]:
    """Return the median of the largest picture's time (ms), and the most that a page shifted."""
    pictures, shifts = [], []
    for _ in range(times):
        with phone(browser, slow=slow) as page:
            page.goto(url, wait_until="load")
            page.wait_for_timeout(_SETTLE_MS)
            found = seen(page)
            pictures.append(found["lcp"])
            shifts.append(found["cls"])
    return {"lcp_ms": round(statistics.median(pictures)), "cls": round(max(shifts), 3)}


def all_seats(browser: Browser, url: str, count: int) -> dict[str, float]:
    """Return the longest task while a hall is loaded whole, and how long a mark takes (ms)."""
    with phone(browser, map_first=True) as page:
        page.goto(url)
        until(page, lambda now: any(one["seats"] == count for one in now["drawn"]), "all seats")
        page.locator("[data-fr-live=yes]").wait_for(state="attached")
        page.wait_for_timeout(_SETTLE_MS)
        longest = max(seen(page)["tasks"])
        view = page.locator(".fr-map-view")
        for _ in range(12):
            if float(view.get_attribute("data-seat-px") or 0) >= 24:
                break
            page.get_by_role("button", name="확대").click()
            page.wait_for_timeout(400)
        frame = view.bounding_box()
        if frame is None:
            raise LookupError("the map is not shown")
        # What is in the middle may be an aisle: presses go over the picture until some were seats.
        for nth in range(_PRESSES):
            across, down = (nth % 5) / 10 + 0.3, (nth // 5) / 10 + 0.3
            view.click(position={"x": frame["width"] * across, "y": frame["height"] * down})
            page.wait_for_timeout(300)
            marks = seen(page)["marks"]
            if len(marks) == _MARKS:
                break
        else:
            raise LookupError(f"{_PRESSES} presses chose {len(marks)} seats")
    return {"longest_task_ms": round(longest), "mark_ms": round(statistics.median(marks))}


def large_hall(browser: Browser, url: str) -> dict[str, float]:
    """Return when a large hall's outline stands, a section's seats, and its frames, all in ms."""
    with phone(browser, map_first=True) as page:
        page.goto(url)
        outline = until(page, lambda now: now["drawn"] and now["drawn"][0]["at"], "the outline")
        page.locator("[data-fr-live=yes]").wait_for(state="attached")
        page.wait_for_timeout(_SETTLE_MS)
        view = page.locator(".fr-map-view")
        view.scroll_into_view_if_needed()
        frame = view.bounding_box()
        if frame is None:
            raise LookupError("the map is not shown")
        view.click(position={"x": frame["width"] * 0.35, "y": frame["height"] * 0.5})
        section = until(
            page,
            lambda now: next(
                (one["at"] - one["since"] for one in now["drawn"] if one["seats"] and one["since"]),
                None,
            ),
            "a section's seats",
        )
        page.wait_for_timeout(_SETTLE_MS)
        frame = view.bounding_box() or frame
        session = page.context.new_cdp_session(page)
        middle = (frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
        panned = _frames(page, lambda: _drag(session, page, middle, fingers=1))
        pinched = _frames(page, lambda: _drag(session, page, middle, fingers=2))
        session.send("HeapProfiler.collectGarbage")
        session.send("Performance.enable")
        metrics = session.send("Performance.getMetrics")["metrics"]
        heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
    return {
        "outline_ms": round(outline),
        "section_ms": round(section),
        "pan_median_ms": _share(panned, 0.5),
        "pan_p95_ms": _share(panned, 0.95),
        "pinch_median_ms": _share(pinched, 0.5),
        "pinch_p95_ms": _share(pinched, 0.95),
        "heap_mb": round(heap / 1_000_000, 1),
    }


def changes(browser: Browser, seats: int, *, times: int) -> dict[str, float]:
    """Return how long 400 changes take to paint, and two strings to compare (median ms)."""
    with phone(browser) as page:
        wanted = {"source": FUNCTIONS.read_text(), "seats": seats, "times": times}
        found: dict[str, float] = page.evaluate(DRAW_CHANGES, wanted)
    return {name: round(value, 2) for name, value in found.items()}


def holds_elsewhere(
    browser: Browser, url: str, hold: Callable[[int], None], seats: list[int]
) -> dict[str, float]:
    """Return after how long a page shows seats that others hold (95th percentile, ms)."""
    with phone(browser) as page:
        page.goto(url)
        page.locator("[data-fr-live=yes]").wait_for(state="attached")
        page.locator("#fr-tab-list").click()
        page.locator(f'[data-seat="{seats[0]}"]').wait_for()
        took = []
        for seat in seats:
            begun = time.time() * 1000
            hold(seat)
            at = until(page, lambda now, seat=seat: now["held"].get(str(seat)), f"seat {seat}")
            took.append(at - begun)
    return {"shown_p95_ms": _share(took, 0.95), "shown_median_ms": _share(took, 0.5)}


def wait_for(url: str) -> None:
    """Read a page until it is there and kept, as somebody before would have."""
    for _ in range(3):
        httpx.get(url, timeout=30, trust_env=False).raise_for_status()


def _frames(page: Page, gesture: Callable[[], None]) -> list[float]:
    page.evaluate(COUNT_FRAMES)
    gesture()
    found: list[float] = seen(page)["frames"]
    page.evaluate("() => { globalThis.frSeen.stops = true; }")
    page.wait_for_timeout(300)
    return found


def _drag(session: CDPSession, page: Page, at: tuple[float, float], *, fingers: int) -> None:
    """Move one finger to and fro, or two apart and together."""
    x, y = at

    def touch(kind: str, by: float) -> None:
        points = [{"x": x + by, "y": y}]
        if fingers == 2:
            points = [{"x": x - 20 - by, "y": y}, {"x": x + 20 + by, "y": y}]
        named = [point | {"id": nth} for nth, point in enumerate(points)]
        ended = kind == "touchEnd"
        session.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if ended else named}
        )

    touch("touchStart", 0)
    for step in range(_GESTURE_STEPS):
        touch("touchMove", 80 * (1 - abs(step / (_GESTURE_STEPS / 2) - 1)))
        page.wait_for_timeout(16)
    touch("touchEnd", 0)


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else 0.0
