"""The whole way on the real pages: sign up, wait, choose, pay, ticket, cancel."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.support.card_site import PRICE
from tests.support.site import Site

WORDS = {
    "ko": {
        "enter": "지금 입장",
        "best": "추천 좌석 선점",
        "card": "카드",
        "pay": "결제하기",
        "cancelled": "취소됨",
        "refund": "환불 140,000원",
    },
    "en": {
        "enter": "Enter now",
        "best": "Hold the best seats",
        "card": "Card",
        "pay": "Pay",
        "cancelled": "Cancelled",
        "refund": "refund ₩140,000",
    },
}
PASSWORD = "correct horse battery 9"


def sign_up(page: Page, site: Site, language: str, back: str) -> str:
    """Make an account, as a person who was sent to the login does; return its address."""
    email = f"fan-{uuid4().hex[:10]}@example.com"
    page.goto(f"{site.url}/account/signup/?next={back}")
    page.locator("input[name=email]").fill(email)
    for name in ("password1", "password2"):
        field = page.locator(f"input[name={name}]")
        if field.count():
            field.fill(PASSWORD)
    for box in page.locator("main input[type=checkbox]").all():
        box.check()
    page.locator("main form button").first.click()
    page.wait_for_url(f"**{back}")
    return email


@pytest.mark.parametrize(
    ("language", "size", "tab"), [("ko", PHONE, "best"), ("en", DESKTOP, "list")]
)
def test_a_fan_buys_a_ticket(browser: Browser, site: Site, language: str, size, tab: str):
    words = WORDS[language]
    sale = site.sale(seats=40, price=PRICE, queue={"rate_per_second": 50, "capacity": 100})
    context = browser.new_context(viewport=size, reduced_motion="reduce", locale=language)
    context.set_default_timeout(20_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Security" in said.text else None)
    page.on(
        "response",
        lambda got: faults.append(f"{got.status} {got.url}") if got.status >= 400 else None,
    )
    here = f"/{language}/performances/{sale.performance_id}"
    page.goto(f"{site.url}{here}/")
    expect(page.locator("[data-fr-logged-out]").first).to_be_visible()
    sign_up(page, site, language, f"{here}/queue/")
    page.get_by_role("button", name=words["enter"]).click()
    page.wait_for_url("**/seats/")
    expect(page.locator("[data-fr-live=yes]")).to_be_attached()
    page.locator(f"#fr-tab-{tab}").click()
    if tab == "best":
        page.get_by_role("button", name=words["best"]).click()
    else:
        page.get_by_role("gridcell").nth(4).click()
        page.get_by_role("gridcell").nth(5).click()
        page.locator("[data-fr-hold]").click()
    page.wait_for_url("**/checkout/**")
    page.locator("#fr-pay input[value=CARD]").check()
    page.locator("#fr-pay input[name=agreed]").check()
    page.locator("#fr-pay").get_by_role("button", name=words["pay"]).click()
    page.locator("button[value=approve]").click()
    page.wait_for_url("**/done/")
    assert faults == []
    page.goto(f"{site.url}/{language}/me/")
    page.locator("main .fr-card h2 a").first.click()
    page.locator("a[href*='/me/tickets/']").first.click()
    expect(page.locator(".fr-qr svg")).to_be_visible()
    assert faults == []
    page.locator("a[href*='/me/reservations/']").first.click()
    page.locator("a[href$='/cancel/']").first.click()
    for box in page.locator("main form input[type=checkbox]").all():
        box.check()
    page.locator("main form button").last.click()
    page.wait_for_url(re.compile(r"/me/reservations/[^/]+/$"))
    expect(page.locator("main")).to_contain_text(words["cancelled"])
    expect(page.locator("main")).to_contain_text(words["refund"])
    assert faults == []
    context.close()
