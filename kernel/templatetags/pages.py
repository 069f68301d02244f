"""Tags and filters of pages; a builtin of the template engine, so that nothing loads it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kernel import clock
from kernel.i18n import is_korean, localized
from kernel.money import Money
from kernel.text.written import clock_text, day_text, moment_text, money_text

register = template.Library()


@register.simple_tag
def text(*, ko: str, en: str, en_one: str = "", n: int | None = None, **facts: Any) -> SafeString:
    """Return the text of the active language (Note [Two languages] in kernel/i18n.py).

    `{n}` and other facts are filled in, escaped; `en_one` is the English text where n is 1.
    """
    english = en_one if en_one and n == 1 else en
    return format_html(ko if is_korean() else english, n="" if n is None else f"{n:,}", **facts)


@register.filter
def money(value: Any) -> str:
    """Return an amount as people read it: of a Money, or of its form in JSON."""
    if isinstance(value, Money):
        return money_text(value.amount, value.currency)
    if isinstance(value, Mapping):
        return money_text(int(value["amount"]), str(value["currency"]))
    return ""


@register.filter
def moment(value: datetime | None, timezone: str) -> str:
    """Return a moment in a time zone, with the zone's name."""
    return moment_text(value, timezone) if value else ""


@register.filter
def day(value: datetime | None, timezone: str) -> str:
    """Return the day of a moment in a time zone."""
    return day_text(value, timezone) if value else ""


@register.filter
def clock_time(value: datetime | None, timezone: str) -> str:
    """Return the time of day of a moment in a time zone."""
    return clock_text(value, timezone) if value else ""


@register.filter
def utc(value: datetime | None) -> str:
    """Return a moment as scripts read it: RFC 3339 in UTC with milliseconds."""
    return clock.as_text(value) if value else ""


@register.filter(name="localized")
def localized_field(row: Any, field: str) -> str:
    """Return a field of a row in the active language."""
    return localized(row, field)
