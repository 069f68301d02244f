"""A performance with a waiting room to measure; import once Django is set up."""

from datetime import timedelta
from typing import Any

from concerts.models import Concert, Performance, Venue
from kernel import clock
from queueing.usecases.config import set_config


def make_room(**changes: Any) -> Performance:
    """Make a performance whose waiting room takes joins; `changes` go into its rules."""
    now = clock.now()
    venue = Venue.objects.create(name_ko="공연장")
    concert = Concert.objects.create(
        title_ko="공연", artist_ko="밴드", venue=venue, published_at=now
    )
    performance = Performance.objects.create(concert=concert, starts_at=now + timedelta(days=30))
    set_config(
        performance_id=performance.pk,
        changes={"queue_opens_at": now - timedelta(hours=1), **changes},
        actor_id=None,
        reason="measuring",
        now=now,
    )
    return performance
