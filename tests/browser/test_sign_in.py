"""Signing in by the provider in Chromium: there, its page, and back, under the pages' policy."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from stack.service import HOST, free_ports, listens
from tests.browser.test_account import Here, look
from tests.browser.test_whole_way import sign_up
from tests.support.oidc_provider import RunningProvider, running_provider
from tests.support.site import ROOT, Site
from tests.support.waiting import await_that

WORDS = {
    "ko": {"go": "길벗 계정으로 계속", "connect": "길벗 계정 연결", "disconnect": "연결 해제"},
    "en": {
        "go": "Continue with Companion",
        "connect": "Connect Companion",
        "disconnect": "Disconn",
    },
}


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningProvider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def here(site: Site, provider: RunningProvider, tmp_path_factory) -> Iterator[Here]:
    """The site's API once more, with a sign-in provider set."""
    [port] = free_ports(1)
    metrics: Path = tmp_path_factory.mktemp("metrics")
    own = {"PROMETHEUS_MULTIPROC_DIR": str(metrics), "TRUSTED_PROXY_COUNT": "0"}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "config.wsgi:application",
            "--host",
            HOST,
            "--port",
            str(port),
            "--http",
            "1",
            "--no-ws",
            "--workers",
            "1",
            "--blocking-threads",
            "4",
            "--log-level",
            "warning",
        ],
        env=site.env | own | provider.environment,
        cwd=ROOT,
    )
    try:
        await_that(lambda: listens(port), "the API listens", seconds=120)
        yield Here(f"http://{HOST}:{port}")
    finally:
        process.terminate()
        process.wait()


def somebody(provider: RunningProvider) -> str:
    """Log a new person in at the provider, whose page asks; return the address."""
    email = f"there-{uuid4().hex[:10]}@example.com"
    provider.tell(asks=True, person={"sub": uuid4().hex, "email": email, "email_verified": True})
    return email


def opened(browser: Browser, language: str, **options) -> tuple[Page, list[str]]:
    """Return a page, and what the policy stops on it."""
    context = browser.new_context(
        locale=language, viewport={"width": 320, "height": 640}, **options
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    stopped: list[str] = []
    page.on(
        "console",
        lambda said: stopped.append(said.text) if "Security Policy" in said.text else None,
    )
    return page, stopped


@pytest.mark.parametrize(("language", "scripts"), [("ko", True), ("en", False)])
def test_a_person_signs_up_and_comes_back(browser: Browser, here, provider, language, scripts):
    email, words = somebody(provider), WORDS[language]
    for button in ("Agree", "Agree"):  # the second time it is known
        page, stopped = opened(browser, language, java_script_enabled=scripts)
        page.goto(f"{here.url}/{language}/account/login/?next=/{language}/me/account/")
        if scripts:
            look(page)
        page.get_by_role("button", name=words["go"]).click()
        page.wait_for_url(f"{provider.url}/authorize**")
        page.get_by_role("button", name=button).click()
        page.wait_for_url(f"{here.url}/{language}/me/account/")
        page.goto(f"{here.url}/{language}/account/provider/")
        expect(page.get_by_role("status").filter(has_text=email)).to_be_visible()
        if scripts:
            look(page)
        assert stopped == []
        page.context.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_who_says_no_there_reads_why_and_goes_on(browser: Browser, here, provider, language):
    somebody(provider)
    page, stopped = opened(browser, language)
    page.goto(f"{here.url}/{language}/account/signup/")
    page.get_by_role("button", name=WORDS[language]["go"]).click()
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url("**/account/provider/failed/?reason=cancelled")
    look(page)
    other = "en" if language == "ko" else "ko"
    page.locator(f"header a[hreflang={other}]").click()
    page.wait_for_url(f"**/{other}/account/provider/failed/?reason=cancelled")
    page.get_by_role("button", name=WORDS[other]["go"]).click()
    page.get_by_role("button", name="Agree").click()
    page.wait_for_url(f"{here.url}/{other}/")
    assert stopped == []
    page.context.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_account_is_connected_and_disconnected(browser: Browser, here, provider, language):
    email, words = somebody(provider), WORDS[language]
    page, stopped = opened(browser, language)
    sign_up(page, here, language, f"/{language}/me/account/")
    page.locator("main a[href$='/account/provider/']").click()
    look(page)
    page.get_by_role("button", name=words["connect"]).click()
    page.get_by_role("button", name="Agree").click()
    page.wait_for_url("**/account/provider/")
    expect(page.get_by_text(re.compile(re.escape(email)))).to_be_visible()
    page.get_by_role("button", name=words["disconnect"]).click()
    expect(page.get_by_role("button", name=words["connect"])).to_be_visible()
    assert stopped == []
    page.context.close()


@pytest.mark.control
def test_control_a_policy_without_the_provider_keeps_the_browser_here(
    browser: Browser, here, provider
):
    somebody(provider)
    page, stopped = opened(browser, "en")

    def narrowed(route: Route) -> None:
        response = route.fetch()
        policy = response.headers["content-security-policy"].replace(provider.url, "")
        route.fulfill(
            response=response, headers={**response.headers, "content-security-policy": policy}
        )

    page.route("**/account/login/", narrowed)
    page.goto(f"{here.url}/en/account/login/")
    with page.expect_console_message(lambda said: "form-action" in said.text):
        page.get_by_role("button", name=WORDS["en"]["go"]).click()
    assert stopped
    assert page.url.startswith(here.url)
    page.context.close()
