"""Fans' pages at the one entry: from its cache, with the API away, and by a real browser's way."""

import re

import httpx
import pytest

from tests.support.site import Sale, Site
from tests.support.waiting import await_that

PASSWORD = "orange-harbour-97"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def caches(site: Site, path: str) -> list[str]:
    """Return how the gateway answered for an address, by its log."""
    lines = (site.data / "logs" / "access.log").read_text().splitlines()
    wanted = [line for line in lines if f'"path":"{path}"' in line]
    return [re.search(r'"cache":"([A-Z]*)"', line)[1] for line in wanted]


def kept(site: Site, path: str) -> int:
    """Return how often the gateway answered from what it keeps."""
    return sum(found in ("HIT", "STALE", "UPDATING") for found in caches(site, path))


@pytest.fixture
def pages(sale: Sale) -> list[str]:
    one = f"/en/performances/{sale.performance_id}/"
    return [f"/en/concerts/{sale.concert_id}/", one, f"{one}queue/", f"{one}seats/"]


def send(browser: httpx.Client, path: str, marker: str, **typed: object) -> httpx.Response:
    """Send the form of a page that holds `marker`, with what it has by itself."""
    page = browser.get(path)
    [form] = [one for one in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if marker in one]
    data = dict(_HIDDEN.findall(form)) | typed
    origin = f"{browser.base_url.scheme}://{browser.base_url.netloc.decode()}"
    return browser.post(path, data=data, headers={"Referer": origin + path})


def test_a_crowd_gets_a_page_from_the_gateway(site: Site, pages: list[str]):
    with site.http() as browser:
        first = [browser.get(path) for path in pages]
        with_login = {"Cookie": "fan_session=x; csrftoken=y", "Authorization": "Bearer z"}
        for path, one in zip(pages, first, strict=True):
            assert one.status_code == 200
            answers = [browser.get(path, headers=with_login) for _ in range(20)]
            assert {answer.content for answer in answers} == {one.content}
            assert "set-cookie" not in one.headers
            # The log is written each second.
            await_that(lambda path=path: kept(site, path) >= 15, "hits are in the log")


def test_pages_stay_while_the_api_is_away(site: Site, pages: list[str]):
    with site.http() as browser:
        for path in pages:
            assert browser.get(path).status_code == 200
        site.stack("stop", "api")
        try:
            assert [browser.get(path).status_code for path in pages] == [200] * len(pages)
            refused = browser.get("/en/me/")
            assert refused.status_code == 503
            assert refused.headers["Content-Type"].startswith("text/html")
            assert "cannot be reached" in refused.text
            assert refused.headers["Refresh"] == "5"
            document = browser.get("/api/v1/points/")
            assert document.headers["Content-Type"] == "application/problem+json"
        finally:
            site.stack("start", "api")
            site.await_ready()


def test_files_under_their_hashed_names_are_kept_for_a_year(site: Site, pages: list[str]):
    with site.http() as browser:
        [styles] = re.findall(r'rel="stylesheet" href="([^"]+)"', browser.get(pages[0]).text)
        assert re.fullmatch(r"/static/site\.[0-9a-f]{12}\.css", styles)
        found = browser.get(styles)
        assert found.status_code == 200
        assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        plain = browser.get("/static/site.css", headers={"Accept-Encoding": "identity"})
        assert plain.content == found.content


def test_a_fan_signs_up_and_buys_without_a_script(site: Site, sale: Sale):
    with site.http() as browser:
        email = f"pages-{sale.performance_id[-12:]}@example.com"
        made = send(browser, "/ko/account/signup/", "password1", email=email, password1=PASSWORD)
        assert (made.status_code, made.headers["Location"]) == (302, "/ko/")
        charged = send(browser, "/ko/me/points/", "amount", amount=500_000)
        assert charged.headers["Location"] == "/ko/me/points/"
        seats = f"/ko/performances/{sale.performance_id}/seats/list/"
        held = send(browser, seats, "grade", action="best", count=2)
        assert held.status_code == 303, held.text
        checkout = held.headers["Location"]
        paid = send(browser, checkout, "agreed", action="pay", method="POINTS", agreed="on")
        assert paid.headers["Location"] == f"{checkout}done/", paid.text
        done = browser.get(f"{checkout}done/").text
        assert "예매가 완료되었습니다" in done
        assert len(re.findall(r"/ko/me/tickets/[0-9a-f-]+/", done)) == 2
