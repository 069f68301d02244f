"""After consumers that could apply nothing: letters are replayed, and each event counts once."""

import json
import time

import psycopg
from django.conf import settings

from drills.releases.site import ReleaseSite

_SECONDS = 60.0
_LOOK_SECONDS = 2.0
# What each group has applied of what was published, and what it applied twice: a group that knows a
# type of events knows all of them.
_MISSING = """
    SELECT known."group", count(*)
      FROM events_outboxevent event
      JOIN (SELECT DISTINCT "group", type FROM events_inboxentry) AS known USING (type)
     WHERE event.published_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM events_inboxentry entry
                        WHERE entry."group" = known."group" AND entry.event_id = event.id)
     GROUP BY 1
"""
_TWICE = """
    SELECT "group", count(*) FROM (
        SELECT "group", event_id FROM events_inboxentry
         GROUP BY 1, 2 HAVING count(*) > 1) AS repeated
     GROUP BY 1
"""


def settle_events(site: ReleaseSite) -> list[str]:
    """Replay dead letters and wait until nothing is missing; return in words what is wrong."""
    until = time.monotonic() + _SECONDS
    while True:
        for topic in settings.EVENT_TOPICS:
            words = ("--topic", topic, "--reason", "a release was taken back")
            site.manage("events", "replay", *words)
        wrong = _wrong(site)
        if not wrong or time.monotonic() > until:
            return wrong
        time.sleep(_LOOK_SECONDS)


def _wrong(site: ReleaseSite) -> list[str]:
    waiting = json.loads(site.manage("events", "dead", "list", "--json"))["letters"]
    with psycopg.connect(site.environment["DATABASE_URL"]) as connection:
        missing = connection.execute(_MISSING).fetchall()
        twice = connection.execute(_TWICE).fetchall()
    return [
        *([f"{len(waiting)} dead letters are left"] if waiting else []),
        *(f"{group} did not apply {count} events" for group, count in missing),
        *(f"{group} applied {count} events twice" for group, count in twice),
    ]
