"""The pages of one's own account in a browser: no violation, nothing cut off, and they work."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import FORMS, scrolls_sideways, violations
from tests.browser.test_whole_way import sign_up
from tests.support.codes import Device
from tests.support.site import Site

PAGES = [
    "me/account/",
    "me/account/logins/",
    "me/account/delete/",
    "account/2fa/",
    "account/2fa/set-up/",
    "pages/goodbye/",
]


@pytest.mark.parametrize(("language", "scheme"), FORMS)
def test_the_pages_of_an_account_have_no_violation_and_work(
    browser: Browser, site: Site, language: str, scheme
):
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, color_scheme=scheme, locale=language
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    sign_up(page, site, language, f"/{language}/me/account/")
    for path in PAGES:
        page.goto(f"{site.url}/{language}/{path}")
        look(page)
    page.goto(f"{site.url}/{language}/me/account/")
    page.locator("input[name=phone]").fill("call me")
    page.locator("main form button").first.click()
    expect(page.locator(".fr-error")).to_be_visible()
    look(page)
    page.locator("input[name=phone]").fill("010-1234-5678")
    page.locator("input[name=extra_time]").check()
    page.locator("main form button").first.click()
    page.wait_for_url("**/me/account/?saved=1")
    expect(page.locator("input[name=extra_time]")).to_be_checked()
    look(page)
    set_up(page, site, language)
    page.goto(f"{site.url}/{language}/account/2fa/remove/")
    look(page)
    page.goto(f"{site.url}/{language}/me/account/delete/")
    page.locator("input[name=agreed]").check()
    page.locator("main form button").click()
    page.wait_for_url("**/pages/goodbye/")
    expect(page.locator("[data-fr-logged-out]").first).to_be_visible()
    context.close()


def look(page: Page) -> None:
    """See that a page shuts nobody out."""
    assert violations(page) == []
    assert not scrolls_sideways(page)


def set_up(page: Page, site: Site, language: str) -> None:
    """Turn the second factor on by the secret that the page shows."""
    page.goto(f"{site.url}/{language}/account/2fa/set-up/")
    [secret] = re.findall(r"[A-Z2-7]{16,}", page.locator("main code").inner_text())
    code = Device(secret).code(now=datetime.now(UTC))
    page.locator("input[name=code]").fill(code)
    page.locator("main form button").click()
    expect(page.locator("main li code").first).to_be_visible()
    look(page)
