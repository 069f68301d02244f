"""The opening of a sale as a calendar entry (RFC 5545)."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from icalendar import Alarm, Calendar, Event

from catalogue.queries import PerformanceSummary
from kernel.i18n import localized, text
from storefront.shows import opens_at

_PRODUCT = "-//Frontrow//Openings//EN"
_TITLE = text(en="Ticket sale opens", ko="예매 오픈")
_WARNING = timedelta(minutes=-10)
_LENGTH = timedelta(minutes=30)


def opening_of(summary: PerformanceSummary) -> bytes | None:
    """Return a calendar with the opening that a fan waits for; None where there is none."""
    opening = opens_at(summary)
    if opening is None:
        return None
    row = summary.row
    title = f"{_TITLE}: {localized(row.concert, 'title')}"
    entry = Event()
    entry.add("uid", f"opening-{row.pk}@{urlsplit(settings.FRONTROW_URL).hostname}")
    entry.add("dtstamp", opening)
    entry.add("dtstart", opening)
    entry.add("dtend", opening + _LENGTH)
    entry.add("summary", title)
    entry.add("url", settings.FRONTROW_URL + reverse("storefront:performance", args=[row.pk]))
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", _WARNING)
    entry.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
