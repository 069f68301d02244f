"""The bridge page opens the gateway's script for one order, and nobody makes one for another."""

import re
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.core import signing
from django.test import Client

from kernel.money import Money
from payments import policy
from payments.gateways import bridge
from payments.gateways.gateway import GatewayOrder
from tests.api.test_page_policy import DOCUMENTS, directives, inline_of

POLICY = "Content-Security-Policy"
SCRIPT = "https://js.tosspayments.com/v2/standard"
ORDER = GatewayOrder("order-1234", "k" * 64, Money(50_000), 'Hanok "2" <seats> & more')
RETURN_URL = "https://shop.example/back?payment=7&x=<y>"


@pytest.fixture(autouse=True)
def _toss(settings):
    settings.PAYMENT_GATEWAY = "toss"
    settings.PAYMENT_GATEWAY_CLIENT_KEY = "test_ck_1"


def link_of(order=ORDER) -> str:
    return urlsplit(bridge.url_of(order, return_url=RETURN_URL)).path


def test_it_leads_from_our_own_site(settings):
    assert bridge.url_of(ORDER, return_url=RETURN_URL).startswith(
        f"{settings.FRONTROW_URL}/payments/bridge/"
    )


def test_it_shows_the_order_and_loads_the_script(client):
    page = client.get(link_of(), headers={"accept-language": "en"})
    assert page.status_code == 200
    data = dict(re.findall(r'data-([a-z-]+)="([^"]*)"', page.text))
    assert data["order-id"] == "order-1234"
    assert (data["amount"], data["currency"], data["client-key"]) == ("50000", "KRW", "test_ck_1")
    assert data["return-url"] == "https://shop.example/back?payment=7&amp;x=&lt;y&gt;"
    assert f'<script src="{SCRIPT}"' in page.text
    assert "<seats>" not in page.text
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_cents_stay_cents(client):
    order = GatewayOrder("order-1234", "k" * 64, Money(1010, "USD"), "Hanok")
    assert 'data-amount="10.1"' in client.get(link_of(order)).text


def test_the_longest_way_back_has_its_page(client):
    url = "https://shop.example/" + secrets.token_urlsafe(2000)[: policy.RETURN_URL_LENGTH - 21]
    order = GatewayOrder("o" * 64, "k" * 64, Money(10**12), "공연" * 50)
    link = urlsplit(bridge.url_of(order, return_url=url)).path
    assert f'data-return-url="{url}"' in client.get(link).text


@pytest.mark.parametrize(("language", "word"), [("ko", "결제창"), ("en", "payment page")])
def test_it_reads_in_both_languages(client, language, word):
    page = client.get(link_of(), headers={"accept-language": language})
    assert word in page.text
    assert f'<html lang="{language}">' in page.text


def test_its_policy_allows_the_script_and_no_inline_script(client):
    page = client.get(link_of())
    policy = directives(page.headers[POLICY])
    assert policy["script-src"] == ["'self'", "https://js.tosspayments.com"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert inline_of(page.text).scripts == inline_of(page.text).styles == []


@pytest.mark.parametrize("path", [*DOCUMENTS, "/admin/login/"])
def test_no_other_page_knows_the_script(client, db_ready, path):
    assert "tosspayments" not in client.get(path).headers[POLICY]


def test_the_files_it_loads_are_there(client):
    page = client.get(link_of()).text
    found = re.findall(r'(?:src|href)="(/?static/[^"]+)"', page)
    assert len(found) == 2
    assert [path for path in found if not finders.find(path.partition("static/")[2])] == []


def forged_links() -> list[str]:
    link = link_of().rstrip("/").rpartition("/")[2]
    body, *signature = link.rsplit(":", 2)
    other = signing.dumps(["order-1234", 1, "KRW", "x", "https://evil.example/"], salt="other")
    ours = signing.dumps(
        ["order-1234", 1, "KRW", "x", "https://evil.example/"], salt="payments.bridge",
        key="not our secret",
    )  # fmt: skip
    return [":".join([body[:-1] + "A", *signature]), link[:-1], link + "A", other, ours,
            "x", ":", "::", "a" * 5000, "%00", "한글"]  # fmt: skip


@pytest.mark.parametrize("number", range(11))
def test_a_forged_link_opens_nothing(client, number):
    page = client.get(
        f"/payments/bridge/{forged_links()[number]}/", headers={"accept-language": "en"}
    )
    assert page.status_code == 404
    assert "Nothing was charged" in page.text
    assert "tosspayments" not in page.text
    assert inline_of(page.text).scripts == []


@pytest.mark.control
def test_control_with_our_secret_and_name_the_same_facts_open_a_page(client):
    facts = ["order-1234", 1, "KRW", "x", "https://evil.example/"]
    link = signing.dumps(facts, salt="payments.bridge")
    assert client.get(f"/payments/bridge/{link}/").status_code == 200


def test_an_old_link_opens_nothing(client, monkeypatch):
    path, later = link_of(), timedelta(seconds=bridge.SECONDS + 2).total_seconds()
    real = signing.time.time
    monkeypatch.setattr(signing.time, "time", lambda: real() + later)
    assert client.get(path).status_code == 404


def test_without_the_gateway_there_is_no_page(client, settings):
    settings.PAYMENT_GATEWAY = "none"
    assert client.get(link_of()).status_code == 404


def test_a_page_is_only_shown(client: Client):
    assert client.post(link_of()).status_code == 405
