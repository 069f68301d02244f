"""A performance's page has the one button that is right in each state of its sale."""

import re
from datetime import timedelta

import pytest
from icalendar import Calendar

from concerts.models import Performance
from kernel import clock
from queueing.models import QueueConfig
from reservations.models import SaleHalt
from storefront import calendars
from tests.api.test_page_policy import directives
from tests.pages.browsing import text_of
from tests.support import factories, holding
from tests.support.waiting_rooms import make_room

HOUR = timedelta(hours=1)


def page_of(client, performance, language="en"):
    return client.get(f"/{language}/performances/{performance.pk}/")


def step_in(page) -> str | None:
    found = re.search(r'id="next-step" href="([^"]+)"', page.text)
    return found and found[1]


def steps(performance) -> dict[str, str | None]:
    one = f"/en/performances/{performance.pk}/"
    concert = f"/en/concerts/{performance.concert_id}/"
    return {"queue": f"{one}queue/", "seats": f"{one}seats/", "dates": concert, "none": None}


def soon(**fields):
    return factories.make_performance(sale_opens_at=clock.now() + HOUR, **fields)


def halted(performance):
    SaleHalt.objects.create(performance=performance, reason="a test", created_at=clock.now())
    return performance


def with_status(status):
    performance = factories.make_performance()
    Performance.objects.filter(pk=performance.pk).update(status=status)
    return performance


def closed(performance):
    performance.sale_policy.sale_closes_at = clock.now() - timedelta(minutes=1)
    performance.sale_policy.save()
    return performance


def sold_out():
    performance = factories.make_performance(seats=2)
    holding.sell_out(performance)
    return performance


STATES = {
    "not prepared": (lambda: factories.make_performance(on_sale=False), "none", "Not open yet"),
    "opens later": (soon, "none", "Not open yet"),
    "room opens later": (
        lambda: make_room(performance=soon(), queue_opens_at=clock.now() + HOUR / 2),
        "none",
        "Not open yet",
    ),
    "room is open": (lambda: make_room(performance=soon(), state="PRESALE"), "queue", "Waiting"),
    "on sale by turn": (
        lambda: make_room(performance=factories.make_performance()),
        "queue",
        "On sale",
    ),
    "on sale": (factories.make_performance, "seats", "On sale"),
    "halted": (lambda: halted(factories.make_performance()), "none", "Paused"),
    "halted by turn": (
        lambda: halted(make_room(performance=factories.make_performance())),
        "queue",
        "Paused",
    ),
    "sold out": (sold_out, "dates", "Sold out"),
    "cancelled": (lambda: with_status("CANCELLED"), "dates", "Cancelled"),
    "postponed": (lambda: with_status("POSTPONED"), "dates", "Postponed"),
    "over": (lambda: closed(factories.make_performance()), "dates", "Sale over"),
}


@pytest.mark.parametrize("state", STATES)
def test_the_one_right_button(client, db_ready, state):
    make, wanted, name = STATES[state]
    performance = make()
    page = page_of(client, performance)
    assert page.status_code == 200
    assert step_in(page) == steps(performance)[wanted]
    assert name in text_of(page)


def test_it_counts_down_to_what_a_fan_waits_for_and_gives_it_to_calendars(client, db_ready):
    performance = soon()
    opens = performance.sale_policy.sale_opens_at
    page = page_of(client, performance)
    assert f'<fr-countdown at="{clock.as_text(opens)}"' in page.text
    path = f"/en/performances/{performance.pk}/opening.ics"
    assert f'href="{path}"' in page.text
    answer = client.get(path)
    [entry] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert entry.decoded("dtstart") == opens.replace(microsecond=0)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"


def test_the_calendar_is_made_once_and_kept_as_pages_are(client, db_ready, monkeypatch):
    path = f"/en/performances/{soon().pk}/opening.ics"
    made = []
    opening_of = calendars.opening_of
    monkeypatch.setattr(
        calendars, "opening_of", lambda summary: made.append(1) or opening_of(summary)
    )
    first = client.get(path)
    assert client.get(f"{path}?x=1").content == first.content
    assert len(made) == 1
    assert first.headers["Cache-Control"].startswith("public, max-age=2,")
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_the_waiting_room_is_what_one_waits_for_where_there_is_one(client, db_ready):
    performance = make_room(performance=soon(), queue_opens_at=clock.now() + HOUR / 2)
    opens = QueueConfig.objects.get(performance=performance).queue_opens_at
    assert f'<fr-countdown at="{clock.as_text(opens)}"' in page_of(client, performance).text


def test_nothing_opens_where_the_sale_is_on(client, db_ready):
    performance = factories.make_performance()
    assert "fr-countdown" not in page_of(client, performance).text
    assert client.get(f"/en/performances/{performance.pk}/opening.ics").status_code == 404


def test_it_shows_what_cancelling_costs_and_the_commitment_of_the_draw(client, db_ready):
    performance = make_room(performance=factories.make_performance())
    said = text_of(page_of(client, performance))
    assert "Until 240 hours before the start 0%" in said
    assert "No cancelling" in said
    assert "No cancelling" not in text_of(page_of(client, performance, "ko"))


def test_search_engines_get_an_event_for_each_date(client, db_ready):
    performance = factories.make_performance()
    page = client.get(f"/en/concerts/{performance.concert_id}/").text
    assert '"@type": "MusicEvent"' in page
    assert "https://schema.org/InStock" in page
    assert f'<meta property="og:title" content="{performance.concert.title_en}">' in page


def test_the_room_loads_the_script_of_a_service_where_one_checks_fans(client, db_ready, settings):
    origin = "https://challenges.cloudflare.com"
    path = f"/en/performances/{make_room().pk}/queue/"
    without = client.get(path)
    assert origin not in without.text + without.headers["Content-Security-Policy"]
    settings.CHALLENGE_SERVICE_SITE_KEY = "public"
    path = f"/en/performances/{make_room().pk}/queue/"
    page = client.get(path)
    script = f'<script src="{settings.CHALLENGE_SERVICE_SCRIPT}" async data-fr-challenge></script>'
    assert script in page.text
    said = directives(page.headers["Content-Security-Policy"])
    assert said["script-src"] == ["'self'", origin]
    assert said["frame-src"] == [origin]
    assert not {"require-trusted-types-for", "trusted-types"} & said.keys()
    assert "require-trusted-types-for" in client.get("/en/").headers["Content-Security-Policy"]
