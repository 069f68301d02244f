"""Public pages are the same for everybody, in the language of their address."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from concerts.store import catalogue_changed
from kernel import clock
from kernel.caching.responses import document_of
from kernel.db.transaction import transaction
from storefront import public
from tests.api.test_page_policy import directives, inline_of
from tests.support import factories
from tests.support.waiting_rooms import make_room

LANGUAGES = ("ko", "en")
HANGUL = re.compile(r"[가-힣]")


@pytest.fixture
def nothing_kept(monkeypatch) -> None:
    """Render each page for each request: else the second would be the first one's bytes."""
    monkeypatch.setattr(
        public.cache,
        "read",
        lambda policy, key, *, build, now: document_of(build(), built_at=now),
    )


def public_paths(performance) -> list[str]:
    one = f"/performances/{performance.pk}/"
    texts = [f"/pages/{name}/" for name in ("terms", "privacy", "accessibility")]
    concert = f"/concerts/{performance.concert_id}/"
    return ["/", concert, one, f"{one}queue/", f"{one}seats/", *texts]


def test_a_page_is_the_same_bytes_with_and_without_a_login(mine, nothing_kept):
    performance = factories.make_performance()
    for path in public_paths(performance):
        for language in LANGUAGES:
            url = f"/{language}{path}"
            cookies = {name: morsel.value for name, morsel in mine.cookies.items()}
            browser = Client(headers={"accept-language": "en-GB"})
            browser.cookies.load(cookies | {"csrftoken": "x" * 32, "django_language": "ko"})
            with_login, without = browser.get(url), Client().get(url)
            assert without.status_code == 200, url
            assert with_login.content == without.content
            assert with_login.headers["ETag"] == without.headers["ETag"]
            for answer in (with_login, without):
                assert not answer.cookies
                assert "Cookie" not in answer.headers.get("Vary", "")
                assert answer.headers["Cache-Control"] == (
                    "public, max-age=2, stale-while-revalidate=30, stale-if-error=600"
                )


@pytest.mark.control
def test_control_a_page_that_shows_who_asks_differs(mine, monkeypatch, nothing_kept):
    url = f"/en/concerts/{factories.make_performance().concert_id}/"
    real, names = public.page_facts, iter(["somebody", "nobody"])

    def facts(path, *, query):
        return real(path, query=query) | {"login_url": next(names)}

    monkeypatch.setattr(public, "page_facts", facts)
    assert mine.get(url).content != Client().get(url).content


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_address_chooses_the_language_and_names_the_other(client, db_ready, language):
    performance = factories.make_performance()
    other = "en" if language == "ko" else "ko"
    for path in public_paths(performance):
        page = client.get(f"/{language}{path}", headers={"accept-language": other})
        assert f'<html lang="{language}">' in page.text
        for code in LANGUAGES:
            alternate = f'hreflang="{code}" href="{settings.FRONTROW_URL}/{code}{path}"'
            assert alternate in page.text
        assert f'<a href="/{other}{path}" hreflang="{other}"' in page.text


def test_an_english_page_has_no_hangul_but_data(client, db_ready):
    concert = factories.make_concert(
        title_ko="T1", artist_ko="A1", description_en="About", notices_en="Note"
    )
    concert.venue.name_ko, concert.venue.address_ko = "V1", "W1"
    concert.venue.save()
    performance = factories.make_performance(concert=concert)
    for path in public_paths(performance):
        text = client.get(f"/en{path}").text.replace("한국어", "")
        assert HANGUL.findall(text) == [], path


@pytest.mark.parametrize(
    ("sent", "leads_to"),
    [
        ({"accept-language": "en-GB,en;q=0.9,ko;q=0.1"}, "/en/"),
        ({"accept-language": "ko"}, "/ko/"),
        ({"accept-language": "fr"}, "/ko/"),
        ({}, "/ko/"),
        ({"accept-language": "ko", "cookie": "django_language=en"}, "/en/"),
    ],
)
def test_an_address_without_a_language_is_redirected_and_that_is_kept_nowhere(
    client, db_ready, sent, leads_to
):
    answer = client.get("/?search=x", headers=sent)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{leads_to}?search=x")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert not answer.cookies


def test_a_redirect_leads_only_to_what_is_there(client, db_ready):
    performance = factories.make_performance()
    there = client.get(f"/performances/{performance.pk}/", headers={"accept-language": "en"})
    assert there.headers["Location"] == f"/en/performances/{performance.pk}/"
    assert client.get("/nothing/").status_code == 404
    assert client.get("/api/v1/nothing/").headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_runs_no_script_of_others_and_none_inside_it(client, db_ready, language):
    performance = factories.make_performance()
    for path in public_paths(performance):
        page = client.get(f"/{language}{path}")
        policy = directives(page.headers["Content-Security-Policy"])
        assert policy["default-src"] == ["'none'"]
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
        assert policy["require-trusted-types-for"] == ["'script'"]
        assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
        assert [one for one in inline_of(page.text).scripts if one != "script"] == []
        kinds = re.findall(r"<script(?![^>]*src=)[^>]*type=\"([^\"]+)\"", page.text)
        assert set(kinds) <= {"application/json", "application/ld+json"}
        assert inline_of(page.text).styles == []
        assert page.headers["Referrer-Policy"] == page.headers["Cross-Origin-Opener-Policy"]
        assert "camera=()" in page.headers["Permissions-Policy"]


def test_hostile_names_show_as_text(client, db_ready):
    evil = "</script><script>alert(1)</script>"
    concert = factories.make_concert(title_ko=evil, title_en=evil, artist_en=evil)
    performance = factories.make_performance(concert=concert)
    venue = concert.venue
    venue.name_en = venue.name_ko = venue.address_en = venue.address_ko = evil
    venue.save()
    performance.grades.update(code="<script>R</script>", name_en=evil, name_ko=evil)
    performance.sections.update(code="<script>A</script>", name_en=evil, name_ko=evil)
    for path in (*public_paths(performance)[:5], "/concerts/%3Cscript%3Ealert(3)%3C/script%3E/"):
        page = client.get(f"/en{path}?search=%3Cscript%3Ealert(2)%3C/script%3E").text
        assert "<script>alert" not in page
        assert page.count("</script>") == page.count("<script")


def test_the_queue_page_is_small_enough_for_everybody(client, db_ready):
    performance = make_room()
    page = client.get(f"/en/performances/{performance.pk}/queue/")
    assert len(page.content) < 8_000


def test_a_page_shows_a_change_of_staff_at_once(client, db_ready):
    performance = factories.make_performance()
    url = f"/en/concerts/{performance.concert_id}/"
    assert "Autumn Night" in client.get(url).text
    with transaction():
        performance.concert.title_en = "Winter Day"
        performance.concert.save()
        catalogue_changed()
    assert "Winter Day" in client.get(url).text


def test_the_soonest_openings_stand_first(client, db_ready):
    now = clock.now()
    late = factories.make_performance(
        concert=factories.make_concert(title_en="Later"), sale_opens_at=now + timedelta(days=3)
    )
    soon = factories.make_performance(
        concert=factories.make_concert(title_en="Sooner"), sale_opens_at=now + timedelta(days=1)
    )
    page = client.get("/en/").text
    openings = page.partition('id="openings"')[2].partition('id="all"')[0]
    assert openings.index(str(soon.pk)) < openings.index(str(late.pk))


def test_a_search_that_finds_nothing_says_so_and_offers_to_clear_it(client, db_ready):
    factories.make_performance()
    page = client.get("/en/?search=zzz").text
    assert "No concert fits this search." in page
    assert 'href="/en/">Clear the search</a>' in page
    assert "Autumn Night" in client.get("/en/?search=autumn&utm_source=x").text


def test_a_wrong_filter_says_so_beside_its_field_and_shows_the_rest(client, db_ready):
    factories.make_performance()
    page = client.get("/en/?from=yesterday&search=autumn&state=odd")
    assert page.status_code == 200
    assert page.text.count('class="fr-error"') == 2
    assert "Autumn Night" in page.text
    backwards = client.get("/en/?from=2026-12-02&to=2026-12-01").text
    assert "This day lies before the first one." in backwards


def test_the_list_is_paged_and_a_forged_cursor_is_a_page_not_found(client, db_ready):
    for number in range(25):
        factories.make_concert(title_en=f"Concert {number:02}")
    first = client.get("/en/?search=concert").text
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = client.get(following.replace("&amp;", "&")).text
    assert len(re.findall(r"Concert \d\d", first)) == 20
    assert len(re.findall(r"Concert \d\d", second)) == 5
    forged = client.get("/en/?cursor=cD1ub25zZW5zZQ==")
    assert forged.status_code == 404
    assert forged.headers["Content-Type"].startswith("text/html")
