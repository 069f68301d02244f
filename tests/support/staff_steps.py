"""The steps of docs/staff.md from an empty performance to an open sale, followed by keyboard."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from tests.support.keyboard import Keyboard
from tests.support.site import ROOT, Sale, Site

SECTION = "## From an empty performance to an open sale"
STEP = re.compile(r"(Open|Press|Fill in|Return to)\s+\*\*(.+?)\*\*", re.DOTALL)
SEOUL = ZoneInfo("Asia/Seoul")
# What the admin's forms call the moments that a step names.
MOMENTS = {
    "Sale opens at": ("sale_opens_at", timedelta(0)),
    "Sale closes at": ("sale_closes_at", timedelta(days=20)),
    "Queue opens at": ("queue_opens_at", timedelta(0)),
    "Admission opens at": ("admission_opens_at", timedelta(0)),
}
HALL = "section,grade,price,row,seat,x,y\n" + "".join(
    f"A,R,90000,{row},{seat},{seat},{row}\n" for row in range(1, 4) for seat in range(1, 11)
)

Step = tuple[str, str]


def steps() -> list[Step]:
    """Return what the page says to do, in order: a verb, and on what."""
    text = (ROOT / "docs" / "staff.md").read_text().split(SECTION)[1].split("\n## ")[0]
    return [(verb, " ".join(name.split())) for verb, name in STEP.findall(text)]


class StaffSteps:
    """A performance that is prepared in a browser of staff, step by step."""

    def __init__(self, site: Site, page: Page, sale: Sale, folder: Path) -> None:
        self.page, self.keys = page, Keyboard(page)
        self.start = f"{site.url}/en/staff/performances/{sale.performance_id}/"
        self._file = folder / "hall.csv"
        self._file.write_text(HALL)

    def take(self, step: Step) -> None:
        """Do what one step says."""
        verb, name = step
        if verb == "Return to":
            self.page.goto(f"{self.start}prepare/")
        elif verb == "Open":
            self.keys.follow(self.page.get_by_role("link", name=name, exact=True).first)
        elif verb == "Press":
            self.keys.follow(self.page.get_by_role("button", name=name, exact=True).first)
        elif name in MOMENTS:
            field, later = MOMENTS[name]
            self.write_moment(field, datetime.now(SEOUL) + later)
        elif "file" in name:
            self.keys.give_file(self.page.get_by_label(name), self._file)
        else:
            self.keys.write(self.page.locator("textarea[name=reason]").first, "autumn season")

    def write_moment(self, field: str, at: datetime) -> None:
        """Type a moment into its two fields of an admin's form."""
        self.keys.write(self.page.locator(f"input[name={field}_0]"), f"{at:%Y-%m-%d}")
        self.keys.write(self.page.locator(f"input[name={field}_1]"), f"{at:%H:%M:%S}")
