"""Staff type and read the times of a performance as the clocks at its venue show them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from concerts.admin import venue_times
from concerts.models import Performance, Venue
from kernel import clock
from queueing.models import QueueConfig
from reservations.models import SalePolicy
from tests.support import factories
from tests.support.staff_pages import browser_of

ZONE = "America/New_York"
PERFORMANCE = datetime(2027, 7, 1, 23, 0, tzinfo=UTC)  # 19:00 in New York


@pytest.fixture
def staff(db_ready) -> Client:
    person = factories.make_user(is_staff=True)
    person.groups.add(Group.objects.get(name="staff"))
    return browser_of(person)


@pytest.fixture
def performance(db_ready) -> Performance:
    """A performance in New York, on 1 July 2027 at 19:00."""
    found = factories.make_performance(seats=2, on_sale=False)
    Performance.objects.filter(pk=found.pk).update(starts_at=PERFORMANCE)
    Venue.objects.update(timezone=ZONE)
    SalePolicy.objects.update(sale_closes_at=PERFORMANCE)
    now = clock.now()
    QueueConfig.objects.create(performance=found, queue_opens_at=now + timedelta(days=1))
    return found


def add(staff: Client, concert: UUID, day: str, wall: str) -> Any:
    data = {
        "concert": str(concert),
        "starts_at_0": day,
        "starts_at_1": wall,
        "doors_open_at_0": "",
        "doors_open_at_1": "",
    }
    return staff.post(reverse("admin:concerts_performance_add"), data)


@pytest.mark.parametrize(
    ("day", "wall", "moment"),
    [
        ("2027-07-02", "19:00", "2027-07-02T23:00:00+00:00"),
        ("2027-12-02", "19:00:30", "2027-12-03T00:00:30+00:00"),
        ("2027-11-07", "01:30 -04:00", "2027-11-07T05:30:00+00:00"),
        ("2027-11-07", "01:30:00 UTC-05:00", "2027-11-07T06:30:00+00:00"),
    ],
)
def test_a_start_is_typed_as_the_poster_says_it(staff, performance, day, wall, moment):
    answer = add(staff, performance.concert_id, day, wall)
    assert answer.status_code == 302, answer.context["errors"]
    made = Performance.objects.exclude(pk=performance.pk).get()
    assert made.starts_at == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("day", "wall", "question"),
    [
        ("2027-03-14", "02:30", "does not exist"),
        ("2027-03-14", "02:30 -05:00", "does not exist"),
        ("2027-11-07", "01:30", "01:30 -04:00 or 01:30 -05:00"),
        ("2027-11-07", "01:30 +09:00", "01:30 -04:00 or 01:30 -05:00"),
        ("2027-07-01", "19:00 +09:00", "-04:00"),
        ("2027-07-01", "19:00 +99:00", "valid time"),
    ],
)
def test_a_time_that_the_clock_shows_never_or_twice_is_asked_back(
    staff, performance, day, wall, question
):
    answer = add(staff, performance.concert_id, day, wall)
    assert answer.status_code == 200
    assert question in str(answer.context["errors"])
    assert Performance.objects.count() == 1


@pytest.mark.parametrize(
    "page",
    ["concerts_performance", "concerts_concert", "reservations_salepolicy", "queueing_queueconfig"],
)
def test_every_time_on_a_page_names_its_zone(staff, performance, page):
    key = performance.concert_id if page == "concerts_concert" else performance.pk
    answer = staff.get(reverse(f"admin:{page}_change", args=[key]))
    html = answer.content.decode()
    assert f"{ZONE}, UTC-05:00/-04:00" in html
    assert "Asia/Seoul" not in html
    if page != "queueing_queueconfig":
        assert 'value="19:00:00"' in html
    assert "2027-07-01 19:00" in html  # the performance's own name


@pytest.mark.parametrize(
    "page", ["concerts_performance", "reservations_salepolicy", "queueing_queueconfig"]
)
def test_lists_show_the_times_of_each_venue(staff, performance, page):
    html = staff.get(reverse(f"admin:{page}_changelist")).content.decode()
    assert "UTC-04:00" in html or "UTC-05:00" in html


def test_a_form_that_changes_nothing_changes_nothing_in_the_doubled_hour(staff, performance):
    twice = datetime(2027, 11, 7, 6, 30, tzinfo=UTC)
    Performance.objects.update(starts_at=twice)
    page = reverse("admin:concerts_performance_change", args=[performance.pk])
    answer = staff.get(page)
    assert "01:30:00 -05:00" in answer.content.decode()
    data = {"starts_at_0": "2027-11-07", "starts_at_1": "01:30:00 -05:00"}
    assert (
        staff.post(page, data | {"doors_open_at_0": "", "doors_open_at_1": ""}).status_code == 302
    )
    assert Performance.objects.get().starts_at == twice


@pytest.mark.control
def test_control_the_sites_own_zone_would_be_seen(staff, performance, monkeypatch):
    monkeypatch.setattr(venue_times.VenueTimes, "_zone", lambda *_: None)
    assert add(staff, performance.concert_id, "2027-07-02", "19:00").status_code == 302
    made = Performance.objects.exclude(pk=performance.pk).get()
    assert made.starts_at == datetime(2027, 7, 2, 10, 0, tzinfo=UTC)  # 19:00 in Seoul
