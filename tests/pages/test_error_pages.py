"""Refusals at a page's address are pages, in the language of the address; elsewhere documents."""

import json
import re

import pytest
from django.test import Client

from config.wsgi import application
from kernel.http import call_limits
from kernel.redis.breaker import DependencyUnavailable
from storefront.error_pages import ErrorPages
from storefront.views import mine as mine_views
from tests.support.hostile import Environs


def is_page(answer) -> bool:
    return answer.headers["Content-Type"].startswith("text/html") and "<main" in answer.text


@pytest.mark.parametrize(
    ("language", "title"), [("en", "no such page"), ("ko", "찾을 수 없습니다")]
)
@pytest.mark.parametrize(
    "path", ["nothing/", "concerts/1/", "performances/x/", "me/tickets/1/", "pages/other/"]
)
def test_what_is_not_there_is_a_page(client, db_ready, language, title, path):
    answer = client.get(f"/{language}/{path}")
    assert (answer.status_code, is_page(answer)) == (404, True)
    assert title in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_an_id_of_nothing_says_what_is_missing(client, db_ready):
    nothing = "01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11"
    assert "no such concert" in client.get(f"/en/concerts/{nothing}/").text
    assert "no such performance" in client.get(f"/en/performances/{nothing}/queue/").text
    assert client.get(f"/en/concerts/{nothing}/").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing/", "/_allauth/nothing", "/.well-known/nothing", "/healthz/nothing"]
)
def test_what_programs_ask_stays_a_document(client, db_ready, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_without_its_token_says_that_the_page_was_open_too_long(fan, browser_of):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = browser_of(fan).cookies
    answer = browser.post("/en/me/points/", {"amount": "1000"})
    assert (answer.status_code, is_page(answer)) == (403, True)
    assert "open for too long" in answer.text


def test_a_wrong_method_is_a_page_that_names_the_right_ones(client, db_ready):
    answer = client.post("/en/")
    assert (answer.status_code, is_page(answer)) == (405, True)
    assert "GET" in answer.headers["Allow"]


def test_a_server_that_is_away_is_a_page_that_goes_on_by_itself(mine, monkeypatch):
    def fail(**_):
        raise DependencyUnavailable("primary")

    monkeypatch.setattr(mine_views.queries, "mine", fail)
    answer = mine.get("/en/me/")
    assert (answer.status_code, is_page(answer)) == (503, True)
    assert answer.headers["Refresh"] == answer.headers["Retry-After"]
    assert "tries again by itself" in answer.text


def test_a_defect_is_a_page_without_a_trace(fan, browser_of, monkeypatch):
    def fail(**_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(mine_views.queries, "mine", fail)
    browser = browser_of(fan)
    browser.raise_request_exception = False
    answer = browser.get("/ko/me/")
    assert (answer.status_code, is_page(answer)) == (500, True)
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


def spent(environ, start_response):
    """Refuse like the limits in front of Django."""
    start_response(
        "429 Too Many Requests",
        [("Content-Type", "application/problem+json"), ("Retry-After", "7")],
    )
    return [json.dumps({"status": 429, "code": "rate_limited"}).encode()]


@pytest.mark.parametrize(
    ("path", "sent", "words_there"),
    [
        ("/en/", "ko", "in 7 s."),
        ("/ko/", "en", "7초"),
        ("/other/", "en", "in 7 s."),
    ],
)
def test_what_stands_in_front_of_django_refuses_by_pages_too(db_ready, path, sent, words_there):
    started = []
    body = b"".join(
        ErrorPages(spent)(
            {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_ACCEPT_LANGUAGE": sent},
            lambda status, headers, *_: started.append((status, dict(headers))),
        )
    )
    [(status, headers)] = started
    assert status.startswith("429")
    assert headers["Retry-After"] == "7"
    assert headers["Content-Length"] == str(len(body))
    assert words_there in body.decode()


def test_the_api_is_refused_as_before(db_ready):
    started = []
    body = ErrorPages(spent)(
        {"PATH_INFO": "/api/v1/concerts/", "REQUEST_METHOD": "GET"},
        lambda status, headers, *_: started.append(dict(headers)),
    )
    assert started[0]["Content-Type"] == "application/problem+json"
    assert json.loads(b"".join(body))["code"] == "rate_limited"


def test_the_whole_application_counts_and_says_so_on_a_page(db_ready, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "2/minute"}
    call_limits.forget_client_ips()
    try:
        started = []
        for _ in range(4):
            environ = Environs().generic("GET", "/en/")
            b"".join(application(environ, lambda *given: started.append(given)))
    finally:
        call_limits.forget_client_ips()
    assert [status[:3] for status, *_ in started] == ["200", "200", "429", "429"]
    headers = dict(started[-1][1])
    assert headers["Content-Type"].startswith("text/html")
    assert "Retry-After" in headers


class Closing(list):
    """A response as Django's: what it holds is given back when the server closes it."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_a_refusal_that_is_said_as_a_page_is_closed(db_ready):
    sent = Closing()

    def refuse(environ, start_response):
        sent.extend(spent(environ, start_response))
        return sent

    environ = {"PATH_INFO": "/en/", "REQUEST_METHOD": "GET"}
    b"".join(ErrorPages(refuse)(environ, lambda *_: None))
    assert sent.is_closed


def test_pages_name_their_icon(client, db_ready):
    page = client.get("/en/").text
    icon = re.search(r'<link rel="icon" href="([^"]+)" type="image/svg\+xml">', page)
    assert icon is not None
    assert "icon" in icon[1]
