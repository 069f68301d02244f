"""The types of events that an endpoint may ask for: those with a schema in docs/events."""

from pathlib import Path

from django.conf import settings

PING = "webhook.ping"

EVENT_TYPES: tuple[str, ...] = tuple(
    sorted(
        {path.stem for path in (Path(settings.BASE_DIR) / "docs" / "events").glob("*.json")}
        - {PING}
    )
)
