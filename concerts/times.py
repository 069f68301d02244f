"""Moments as the clock of a venue shows them."""

from datetime import datetime
from zoneinfo import ZoneInfo


def offset_of(moment: datetime) -> str:
    """Return the offset of an aware moment, as `+09:00`."""
    return moment.isoformat()[-6:]


def shown(moment: datetime | None, zone: str) -> str:
    """Return a moment in a zone as `2027-07-01 19:00 UTC-04:00`; "-" for none."""
    if moment is None:
        return "-"
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M} UTC{offset_of(local)}"
