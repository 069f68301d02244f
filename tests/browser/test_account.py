"""The pages of one's own account in a browser: no violation, nothing cut off, and they work."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import FORMS, scrolls_sideways, violations
from tests.browser.test_whole_way import PASSWORD, sign_up
from tests.support.codes import Device
from tests.support.passkeys import AUTHENTICATOR
from tests.support.site import Site

PAGES = [
    "me/account/",
    "me/account/logins/",
    "me/account/delete/",
    "account/2fa/",
    "account/2fa/set-up/",
    "pages/goodbye/",
]


@dataclass(frozen=True)
class Here:
    """The site by another name."""

    url: str


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


def set_up(page: Page, site: Site | Here, language: str) -> None:
    """Turn the second factor on by the secret that the page shows."""
    page.goto(f"{site.url}/{language}/account/2fa/set-up/")
    [secret] = re.findall(r"[A-Z2-7]{16,}", page.locator("main code").inner_text())
    code = Device(secret).code(now=datetime.now(UTC))
    page.locator("input[name=code]").fill(code)
    page.locator("main form button").click()
    expect(page.locator("main li code").first).to_be_visible()
    look(page)


def test_a_passkey_is_made_and_opens_the_next_login(browser: Browser, site: Site):
    context = browser.new_context(locale="en")
    context.set_default_timeout(20_000)
    page = context.new_page()
    here = Here(site.url.replace("127.0.0.1", "localhost"))  # passkeys belong to names
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    email = sign_up(page, here, "en", "/en/account/2fa/")
    set_up(page, here, "en")
    page.goto(f"{here.url}/en/account/2fa/passkeys/")
    expect(page.locator("[data-fr-no-passkey]")).to_be_hidden()
    look(page)
    page.locator("input[name=name]").fill("My phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="My phone")).to_be_visible()
    look(page)
    page.locator("input[name=name]").fill("My phone again")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("has a passkey of this account already")).to_be_visible()
    context.clear_cookies()
    page.goto(f"{here.url}/en/account/login/?next=/en/me/account/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url("**/2fa/authenticate/**")
    look(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/me/account/")
    context.close()


def test_without_a_name_or_a_script_the_page_of_passkeys_says_so(browser: Browser, site: Site):
    context = browser.new_context(locale="ko")
    context.set_default_timeout(20_000)
    page = context.new_page()
    sign_up(page, site, "ko", "/ko/account/2fa/")
    set_up(page, site, "ko")
    page.goto(f"{site.url}/ko/account/2fa/passkeys/")  # an address of numbers
    expect(page.locator("[data-fr-no-passkey]")).to_be_visible()
    expect(page.locator("form[data-fr-passkey]")).to_be_hidden()
    look(page)
    context.close()
