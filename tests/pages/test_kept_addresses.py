"""Where a page leads stays with it: in the other language, and by a login."""

from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client

from tests.pages.browsing import forms_of
from tests.support import factories

PAYMENT = "/ko/checkout/0/return/?payment=1&paymentKey=K"
NEXT = "/ko/me/points/?cursor=x"


def links_of(page) -> str:
    return unescape(page.text)


def test_a_private_page_keeps_its_query_in_the_other_language_and_by_its_login(mine):
    path = f"/performances/{factories.make_performance().pk}/seats/list/?section=A"
    links = links_of(mine.get(f"/en{path}"))
    assert f'href="/ko{path}"' in links
    assert f"/account/login/?next={quote(f'/en{path}', safe='')}" in links.replace("\\u0026", "&")


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_comes_back_from_the_gateway_after_the_login_has_ended_loses_nothing(db_ready, method):
    path = PAYMENT.replace("/0/", f"/{factories.make_user().pk}/")
    answer = getattr(Client(), method)(path)
    assert answer.headers["Location"] == f"/ko/account/login/?next={quote(path, safe='')}"


def test_the_login_keeps_where_it_leads_in_the_other_language_too(client, db_ready):
    links = links_of(client.get("/ko/account/login/", {"next": NEXT}))
    assert f'href="/en/account/login/?next={quote(NEXT.replace("/ko/", "/en/"), safe="")}"' in links
    assert f'href="/ko/account/login/?next={quote(NEXT, safe="")}"' in links
    refused = client.post("/ko/account/login/", {"login": "x", "password": "y", "next": NEXT})
    assert f'href="/ko/account/login/?next={quote(NEXT, safe="")}"' in links_of(refused)


@pytest.mark.parametrize(
    "other", ["", "https://evil.example/", "//evil.example/", "/\\evil.example/"]
)
def test_an_account_page_leads_to_itself_never_and_nowhere_else(client, db_ready, other):
    page = client.get("/ko/account/login/", {"next": other} if other else {})
    links = links_of(page)
    assert 'href="/ko/account/login/"' in links  # of the header
    assert 'href="/en/account/login/"' in links
    assert forms_of(page)
