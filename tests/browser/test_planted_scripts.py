"""A script that somebody managed to write into a page does not run, whatever its form.

The policy is the one that the product's middleware gives the page at an address.
"""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from playwright.sync_api import Browser, Page

from kernel.http.page_policy import PagePolicyMiddleware
from tests.support.small_server import served

HEADER = "Content-Security-Policy"
# Each says its own name when it runs.
PLANTED = """<!doctype html><html lang="en"><title>Planted</title><main>
<script>window.ran = [...(window.ran ?? []), "inline"]</script>
<img src="data:," alt="" onerror='window.ran = [...(window.ran ?? []), "handler"]'>
<a id="planted" href='javascript:void (window.ran = [...(window.ran ?? []), "address"])'>x</a>
<script src="data:text/javascript,window.ran=[...(window.ran??[]),'data']"></script></main>"""
FORMS = {"inline", "handler", "address"}
ONE = "0198c0de-0000-7000-8000-000000000001"
PATHS = (
    "/en/",
    f"/ko/concerts/{ONE}/",
    f"/en/performances/{ONE}/queue/",
    f"/en/performances/{ONE}/seats/",
    f"/ko/checkout/{ONE}/",
    "/en/me/",
    f"/en/me/tickets/{ONE}/",
    "/en/account/login/",
    "/nothing/",
    "/admin/login/",
)


def policy_of(path: str) -> str:
    """Return the policy of the page at an address."""
    page = HttpResponse("x", content_type="text/html; charset=utf-8")
    response = PagePolicyMiddleware(lambda _: page)(RequestFactory().get(path))
    return str(response.headers[HEADER])


@pytest.fixture
def victim(browser: Browser) -> Iterator[Page]:
    """A page whose faults are wanted: the policy says each time that it refused."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def ran(victim: Page, policies: dict[str, str]) -> dict[str, set[str]]:
    """Open a page with the planted scripts under each policy; return what ran, by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header(HEADER, policies.get(self.path, "default-src 'none'"))
            self.end_headers()
            self.wfile.write(PLANTED.encode())

        def log_message(self, *args: object) -> None:
            pass

    found = {}
    with served(Handler) as url:
        for path in policies:
            victim.goto(url + path)
            victim.locator("#planted").evaluate("(link) => link.click()")
            victim.evaluate("new Promise((go) => setTimeout(go, 200))")
            found[path] = set(victim.evaluate("window.ran ?? []"))
    return found


def test_a_planted_script_runs_on_no_page(victim: Page):
    nothing: set[str] = set()
    policies = {path: policy_of(path) for path in PATHS}
    assert ran(victim, policies) == dict.fromkeys(PATHS, nothing)


@pytest.mark.control
def test_with_unsafe_inline_it_would(victim: Page):
    policy = policy_of("/en/")
    allowed = policy.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
    assert allowed != policy
    # Another guard would still refuse addresses of scripts.
    allowed = re.sub(r"(require-trusted-types-for|trusted-types)[^;]*;?", "", allowed)
    assert ran(victim, {"/en/": allowed}) == {"/en/": FORMS}
