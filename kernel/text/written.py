"""Money and moments as people read them, in the active language."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from kernel.i18n import is_korean

_WITHOUT_MINOR_UNITS = ("KRW", "JPY")


def money_text(amount: int, currency: str) -> str:
    """Return an amount of minor units: `150,000원`, `₩150,000`, `12.50 EUR`."""
    sign, amount = "-" if amount < 0 else "", abs(amount)
    if currency == "KRW":
        return f"{sign}{amount:,}원" if is_korean() else f"{sign}₩{amount:,}"
    if currency in _WITHOUT_MINOR_UNITS:
        return f"{sign}{amount:,} {currency}"
    return f"{sign}{amount // 100:,}.{amount % 100:02} {currency}"


def decimal_text(amount: int, currency: str) -> str:
    """Return an amount of minor units as programs read prices: `150000`, `10.10`."""
    if currency in _WITHOUT_MINOR_UNITS:
        return str(amount)
    return f"{amount // 100}.{amount % 100:02}"


def moment_text(moment: datetime, timezone: str) -> str:
    """Return a moment as it is in an IANA time zone, with the zone's name."""
    local = moment.astimezone(ZoneInfo(timezone))
    form = "Y년 n월 j일 (D) H:i" if is_korean() else "D j M Y, H:i"
    return f"{date_format(local, form)} {local.tzname()}"


def day_text(moment: datetime, timezone: str) -> str:
    """Return the day of a moment in an IANA time zone."""
    local = moment.astimezone(ZoneInfo(timezone))
    return date_format(local, "Y년 n월 j일 (D)" if is_korean() else "D j M Y")


def clock_text(moment: datetime, timezone: str) -> str:
    """Return the time of day of a moment in an IANA time zone, such as `20:41`."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%H:%M")
