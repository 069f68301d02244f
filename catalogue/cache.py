"""The cache policies of the catalogue's responses (Note [Cached documents]).

Cached responses are final bytes, a set per language. Those that show counts are rebuilt after two
seconds and whenever staff change something; the seat map only when the layout changes. Availability
comes from the primary and is never older than a second: one process rebuilds it when half of that
has passed, while the others still send it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from concerts.store import CATALOGUE, layout_dependency
from kernel.caching import shared
from kernel.caching.request import CachePolicy
from kernel.caching.responses import Document, Rendered
from kernel.i18n import is_korean

LISTED = CachePolicy("concerts", fresh_for=timedelta(seconds=2), stale_for=timedelta(minutes=1))
CONCERT = CachePolicy("concert", fresh_for=timedelta(seconds=2), stale_for=timedelta(minutes=1))
PERFORMANCES = CachePolicy(
    "performances", fresh_for=timedelta(seconds=2), stale_for=timedelta(minutes=1)
)
PERFORMANCE = CachePolicy(
    "performance", fresh_for=timedelta(seconds=2), stale_for=timedelta(minutes=1)
)
SEAT_MAP = CachePolicy(
    "seatmap", fresh_for=timedelta(hours=1), stale_for=timedelta(hours=24), keep_in_process=True
)
OUTLINE = CachePolicy(
    "outline", fresh_for=timedelta(hours=1), stale_for=timedelta(hours=24), keep_in_process=True
)
AVAILABILITY = CachePolicy(
    "availability",
    fresh_for=timedelta(milliseconds=500),
    stale_for=timedelta(seconds=1),
    from_replica=False,
)
SEATS = CachePolicy(
    "seats",
    fresh_for=timedelta(milliseconds=500),
    stale_for=timedelta(seconds=1),
    from_replica=False,
)

BRIEFLY = "public, max-age=2"
SECOND_LONG = "public, max-age=1"
DAY_LONG = "public, max-age=86400"
REVALIDATE = "no-cache"  # a layout that staff may still change


def read(
    policy: CachePolicy,
    key: str,
    *,
    build: Callable[[], Rendered],
    now: datetime,
    layout_of: UUID | None = None,
    has_words: bool = True,
) -> Document:
    """Return a cached response, in the active language if it `has_words`.

    It depends on the catalogue as a whole or, with `layout_of`, on that performance's layout.
    """
    language = ("ko" if is_korean() else "en") if has_words else "any"
    depends_on = CATALOGUE if layout_of is None else layout_dependency(layout_of)
    return shared.read(policy, f"{language}:{key}", depends_on=(depends_on,), build=build, now=now)
