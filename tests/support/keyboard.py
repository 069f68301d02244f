"""A page used by keyboard alone: Tab, arrows, Enter, Space, and what is typed.

No script moves the focus, so a control that Tab does not lead to fails the test, as does one on the
way there whose focus is not seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import ElementHandle, Locator, Page, expect

_STOP = """
(wanted) => {
  const at = document.activeElement;
  if (!at || at === document.body) return { nth: -1, html: "", seen: true, wanted: false };
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  return {
    nth: [...document.querySelectorAll("*")].indexOf(at),
    html: at.cloneNode().outerHTML.slice(0, 200),
    seen: at.matches(":focus-visible") && outlineStyle !== "none" && outlineWidth !== "0px",
    wanted: at === wanted,
  };
}
"""


@dataclass(frozen=True)
class Stop:
    """Where the focus is: the element's number on the page (-1: none), and its opening tag."""

    nth: int
    html: str
    seen: bool
    wanted: bool


class Keyboard:
    """Somebody at a page without a mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, what: Locator) -> None:
        """Press Tab until `what` has the focus; fails once Tab has been all around the page."""
        wanted = what.element_handle()
        if self._stop(wanted).wanted:
            return
        for stop in self._around(wanted):
            if stop.wanted:
                return
        raise AssertionError(f"Tab does not lead to {what}")

    def follow(self, what: Locator) -> None:
        """Press Enter on a link or a button that leads to another page, and wait for it."""
        self.reach(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, what: Locator, text: str) -> None:
        """Type into a field in place of what it has."""
        self.reach(what)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        expect(what).to_have_value(text)

    def tick(self, box: Locator) -> None:
        """Tick a box."""
        self.reach(box)
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def choose(self, radio: Locator, *, among: Locator) -> None:
        """Choose one of some radio buttons, of which one is chosen: Tab to that, then arrows."""
        self.reach(among.and_(self.page.locator(":checked")))
        for _ in range(among.count()):
            if radio.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {radio}")

    def give_file(self, what: Locator, file: Path) -> None:
        """Give a file to its field, which is reached by Tab; the dialog behind it is no page's."""
        self.reach(what)
        what.set_input_files(file)

    def stops(self) -> list[str]:
        """Return what Tab stops at until it has been all around the page."""
        return [stop.html for stop in self._around(None) if stop.nth >= 0]

    def _around(self, wanted: ElementHandle | None) -> Iterator[Stop]:
        last = self._stop(wanted)
        seen = {last.nth}
        while True:
            self.page.keyboard.press("Tab")
            stop = self._stop(wanted)
            assert stop.seen, f"nobody sees that this has the focus: {stop.html}"
            assert stop.nth != last.nth, f"Tab does not leave {stop.html}"
            if stop.nth in seen:
                return
            yield stop
            seen.add(stop.nth)
            last = stop

    def _stop(self, wanted: ElementHandle | None) -> Stop:
        return Stop(**self.page.evaluate(_STOP, wanted))
