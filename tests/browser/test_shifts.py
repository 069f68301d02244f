"""What a phone sees of a page stays where it is while the rest comes."""

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.site import Sale, Site

MOST = 0.02  # cumulative layout shift
WATCH = """
globalThis.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) globalThis.shifted += one.value;
}).observe({ type: 'layout-shift', buffered: true });
"""
PUSH = """
() => {
  const above = document.createElement('div');
  above.style.height = '300px';
  document.querySelector('main').prepend(above);
}
"""


@pytest.fixture(scope="module")
def sale(site: Site) -> Sale:
    return site.sale(seats=200, row_length=20, queue={"rate_per_second": 1, "capacity": 1})


@pytest.fixture
def shown(site: Site, sale: Sale, context: BrowserContext):
    """Open a page as a phone does; returns what it shifted, and the page."""

    def show(path: str):
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(f"{site.url}/ko{path.format(sale=sale)}")
        expect(page.locator("main h1")).to_be_visible()
        page.wait_for_load_state("networkidle")
        return page

    return show


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/concerts/{sale.concert_id}/",
        "/performances/{sale.performance_id}/",
        "/performances/{sale.performance_id}/queue/",
    ],
)
def test_a_page_shifts_nothing(shown, path: str):
    page = shown(path)
    page.wait_for_timeout(500)
    assert page.evaluate("() => globalThis.shifted") <= MOST


@pytest.mark.control
def test_control_what_is_put_above_the_rest_counts(shown):
    page = shown("/")
    page.wait_for_timeout(600)  # after a press, half a second would not count
    page.evaluate(PUSH)
    page.wait_for_timeout(500)
    assert page.evaluate("() => globalThis.shifted") > MOST
