"""A ticket as a page and as a calendar entry: its owner's alone, in his language, readable."""

from datetime import timedelta

import pypdfium2
import pytest
import zxingcpp
from icalendar import Calendar

from concerts.models import Concert, Performance
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories
from tests.support.tickets import sell
from tickets.models import Ticket
from tickets.queries import qr_payload

KOREAN, ENGLISH = {"Accept-Language": "ko"}, {"Accept-Language": "en"}


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=4)


@pytest.fixture
def ticket(fan, performance):
    [one] = sell(fan, performance, 1)
    return one


def url(ticket, kind):
    return f"/api/v1/tickets/{ticket.pk}.{kind}"


def page_of(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/pdf"
    document = pypdfium2.PdfDocument(response.content)
    assert len(document) == 1
    return document[0]


def qr_codes(page):
    picture = page.render(scale=2).to_pil().convert("L")
    return [code.text for code in zxingcpp.read_barcodes(picture)]


def entry_of(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/calendar")
    [entry] = Calendar.from_ical(response.content).walk("VEVENT")
    return entry


def test_the_page_has_the_qr_code_that_the_door_reads(as_fan, fan, ticket):
    page = page_of(as_fan(fan).get(url(ticket, "pdf")))
    assert qr_codes(page) == [qr_payload(Ticket.objects.get())]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (KOREAN, ["가을밤", "A구역 1열 1번"]),
        (ENGLISH, ["Autumn Night", "Section A, row 1, seat 1"]),
    ],
    ids=["ko", "en"],
)
def test_the_page_reads_in_the_language_asked_for(as_fan, fan, ticket, language, words):
    page = page_of(as_fan(fan).get(url(ticket, "pdf"), headers=language))
    shown = page.get_textpage().get_text_range()
    code = ticket.code
    for word in [*words, f"{code[:4]}-{code[4:8]}-{code[8:]}"]:
        assert word in shown


def test_a_void_ticket_has_no_qr_code_and_its_entry_is_cancelled(as_fan, fan, ticket):
    Ticket.objects.update(status=Ticket.Status.VOID)
    page = page_of(as_fan(fan).get(url(ticket, "pdf"), headers=ENGLISH))
    assert qr_codes(page) == []
    assert "void" in page.get_textpage().get_text_range()
    assert entry_of(as_fan(fan).get(url(ticket, "ics")))["STATUS"] == "CANCELLED"


def test_the_entry_is_the_performance(as_fan, fan, ticket, performance):
    Concert.objects.update(running_minutes=95)
    entry = entry_of(as_fan(fan).get(url(ticket, "ics"), headers=KOREAN))
    assert entry["SUMMARY"] == "가을밤"
    assert entry["LOCATION"] == "잠실 실내체육관, 서울"
    assert abs(entry.start - performance.starts_at) < timedelta(seconds=1)
    assert entry.end - entry.start == timedelta(minutes=95)
    before = entry["UID"]
    Performance.objects.update(starts_at=clock.now() + timedelta(days=90))
    moved = entry_of(as_fan(fan).get(url(ticket, "ics")))
    assert moved["UID"] == before
    assert moved.start > entry.start


@pytest.mark.parametrize(
    "title",
    [
        "x" * 200,
        "\U0001f3b8 rock",
        "</para><b>",
        "(\\) Tj ET",
        "BEGIN:VALARM; a,b",
        "שלום",
    ],
)
def test_no_title_spoils_a_file(as_fan, fan, ticket, title):
    Concert.objects.update(title_ko=title, title_en=title)
    assert len(qr_codes(page_of(as_fan(fan).get(url(ticket, "pdf"))))) == 1
    entry = entry_of(as_fan(fan).get(url(ticket, "ics")))
    assert entry["SUMMARY"] == title
    assert "VALARM" not in {one.name for one in entry.walk()}


@pytest.mark.parametrize("kind", ["pdf", "ics"])
def test_files_are_their_owners(as_fan, api, fan, ticket, kind):
    response = as_fan(fan).get(url(ticket, kind))
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Content-Disposition"].startswith("attachment")
    stranger = as_fan(factories.make_user()).get(url(ticket, kind))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "ticket_not_found")
    missing = as_fan(fan).get(f"/api/v1/tickets/{uuid7()}.{kind}")
    assert (missing.status_code, missing.json()["code"]) == (404, "ticket_not_found")
    assert api.get(url(ticket, kind)).status_code == 401
