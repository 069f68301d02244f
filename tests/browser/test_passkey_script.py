"""The script of passkeys by itself: what Chromium makes and signs is what the library accepts."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity
from playwright.sync_api import Page, expect

from tests.support.browser_pages import BrowserPages, browser_pages
from tests.support.passkeys import AUTHENTICATOR

PERSON = PublicKeyCredentialUserEntity(
    id=b"\x00\xfb\xff?", name="fan@example.com", display_name="fan@example.com"
)
FORM = """<p data-fr-no-passkey>none here</p>
<form action="/en/sent/" data-fr-passkey="{kind}" hidden><input type="hidden" name="credential">
<p role="alert" data-fr-passkey-said></p><button>Go on</button></form>
{{data}}<script type="application/json" id="fr-passkey">{options}</script>"""


@pytest.fixture
def pages():
    with browser_pages("") as served:
        yield served


@pytest.fixture
def device(page: Page) -> Page:
    """A telephone that unlocks by a finger."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def show(pages: BrowserPages, page: Page, kind: str, options: Any, *, host: str = "localhost"):
    body = FORM.format(kind=kind, options=json.dumps(dict(options)))
    address = pages.add(f"/{kind}/", script="passkey", data={"page": "account"}, body=body)
    page.goto(address.replace("127.0.0.1", host))


def sent(page: Page) -> dict[str, Any]:
    """Press the button; return what the form sends."""
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/en/sent/**")
    [credential] = parse_qs(urlsplit(page.url).query)["credential"]
    return json.loads(credential)


def test_what_is_made_and_signed_is_accepted(pages, device):
    server = Fido2Server(PublicKeyCredentialRpEntity(id="localhost", name="Frontrow"))
    options, state = server.register_begin(PERSON)
    show(pages, device, "create", options)
    expect(device.locator("[data-fr-no-passkey]")).to_be_hidden()
    made = server.register_complete(state, sent(device)).credential_data
    options, state = server.authenticate_begin([made])
    show(pages, device, "get", options)
    assert server.authenticate_complete(state, [made], sent(device)) == made


def test_a_device_that_is_known_says_so_and_the_form_stays(pages, device):
    server = Fido2Server(PublicKeyCredentialRpEntity(id="localhost", name="Frontrow"))
    options, state = server.register_begin(PERSON)
    show(pages, device, "create", options)
    made = server.register_complete(state, sent(device)).credential_data
    options, _ = server.register_begin(PERSON, [made])
    show(pages, device, "create", options)
    device.get_by_role("button", name="Go on").click()
    expect(device.get_by_role("alert")).to_have_text(
        "This device has a passkey of this account already."
    )
    expect(device.get_by_role("button", name="Go on")).to_be_enabled()


def test_an_address_of_numbers_has_no_passkeys(pages, device):
    server = Fido2Server(PublicKeyCredentialRpEntity(id="127.0.0.1", name="Frontrow"))
    options, _ = server.register_begin(PERSON)
    show(pages, device, "create", options, host="127.0.0.1")
    expect(device.locator("[data-fr-no-passkey]")).to_be_visible()
    expect(device.locator("form")).to_be_hidden()
