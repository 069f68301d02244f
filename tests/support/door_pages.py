"""A gate's page for the browser: what it is given, and what it does when it is called.

The page has no script of its own: tests call the functions of ui/dist-tests/pure.js, which lies
here beside the site's scripts, so that a service worker keeps it as it keeps those.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import BrowserContext, Page

from kernel import clock
from tests.support.browser_pages import UI, BrowserPages

SCRIPT = "/static/gate-tests.js"
_KEEPER = "/en/door/keeper.js"
_OPEN = f"""async (given) => {{
  const m = await import('{SCRIPT}');
  window.door = await m.openGate(given.id, given.gate, given.facts);
}}"""
_SCAN = """async ([by, codes]) => {
  const decisions = [];
  for (const code of codes) decisions.push(await door.scan(code, by));
  return decisions;
}"""
_STANDING = """() => {
  const standing = door.standing();
  return {...standing, admittedByGate: Object.fromEntries(standing.admittedByGate)};
}"""
_KEEP = f"""async () => {{
  const m = await import('{SCRIPT}');
  const script = new URL('{SCRIPT}', location.href).href;
  await m.keepThisPage('{_KEEPER}', [script]);
  const kept = async () => {{
    const cache = await caches.open(`fr-door:${{location.pathname}}`);
    return (await cache.match(script)) && (await cache.match(location.pathname));
  }};
  while (!(await kept())) await new Promise((go) => setTimeout(go, 20));
}}"""


@dataclass(eq=False)
class GatePage:
    """A browser at a gate."""

    page: Page
    address: str
    performance_id: str
    gate: str
    facts: dict[str, Any]

    def visit(self) -> None:
        """Load the page, by the network or by what the device keeps, and open its gate."""
        self.page.goto(self.address)
        self.open()

    def open(self) -> None:
        given = {"id": self.performance_id, "gate": self.gate, "facts": self.facts}
        self.page.evaluate(_OPEN, given)

    def keep(self) -> None:
        """Let the service worker keep the page, and wait until it does."""
        self.page.evaluate(_KEEP)

    def scan(self, *codes: str, by: str = "hand") -> list[dict[str, Any]]:
        decisions: list[dict[str, Any]] = self.page.evaluate(_SCAN, [by, list(codes)])
        return decisions

    def outcomes(self, *codes: str, by: str = "hand") -> list[str]:
        return [one["outcome"] for one in self.scan(*codes, by=by)]

    def undo(self, scan_id: str, reason: str = "the wrong one") -> Any:
        return self.page.evaluate("([id, reason]) => door.undo(id, reason)", [scan_id, reason])

    def standing(self) -> Any:
        return self.page.evaluate(_STANDING)

    def until(self, condition: str, *, seconds: float = 60) -> None:
        """Wait until an expression over `standing` is true."""
        script = f"() => {{ const standing = door.standing(); return {condition}; }}"
        self.page.wait_for_function(script, polling=50, timeout=seconds * 1000)

    def call(self, function: str, argument: object = None) -> Any:
        """Evaluate `(m, arg) => …` with the functions of the scripts."""
        wrapped = f"async (arg) => ({function})(await import('{SCRIPT}'), arg)"
        return self.page.evaluate(wrapped, argument)


def gate_page(
    pages: BrowserPages,
    context: BrowserContext,
    *,
    performance_id: str,
    gate: str = "north",
    kept_for: timedelta = timedelta(days=1),
    **facts: Any,
) -> GatePage:
    """Return a gate's page of a performance that starts now; nothing is opened yet."""
    now = datetime.now(UTC)
    path = f"/door/{performance_id}/"
    address = pages.add(path, script="site", data={"page": "door"}, body="<h1>Gate</h1>{data}")
    pages.headers[f"/en{path}"] = {"Door-Kept-Until": clock.as_text(now + kept_for)}
    pages.files |= {SCRIPT: UI / "dist-tests" / "pure.js", _KEEPER: UI / "dist" / "door-keeper.js"}
    api = "/api/v1/"
    known: dict[str, Any] = {
        "scanUrl": f"{api}checkins/",
        "batchUrl": f"{api}checkins/batch/",
        "undoUrl": f"{api}undo/",
        "listUrl": f"{api}performances/{performance_id}/admission-list/",
        "keysUrl": "/.well-known/jwks.json",
        "keys": [],
        "csrf": "0123456789",
        "opensAt": None,
        "closesAt": clock.as_text(now + timedelta(hours=6)),
        "keptUntil": clock.as_text(now + kept_for),
    }
    return GatePage(context.new_page(), address, performance_id, gate, known | facts)
