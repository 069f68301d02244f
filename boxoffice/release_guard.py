"""Whether a release of the product would meet the opening of a sale.

Note [No release into an opening]
A release brings new processes, and takes a quarter of an hour to be judged. So none begins from
half an hour before a queue or a sale opens (the pods for its crowd come then, too) until a quarter
of an hour after it. The chart asks before each upgrade; taking a release back asks nobody. With a
reason it goes on all the same, and the audit log has the reason.

It is asked by the new release, of a database that has not been brought to it yet: it reads columns
that every release has.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from kernel.db.transaction import transaction
from kernel.staff import audit
from queueing import openings as queues
from reservations.queries import desk

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=15)


class NearOpening(NamedTuple):
    """A performance, and when its queue or its sale opens."""

    performance_id: UUID
    opens_at: datetime


def openings(*, now: datetime) -> list[NearOpening]:
    """Return the openings that a release at `now` would meet, the first one first."""
    if not MigrationRecorder(connection).has_table():
        return []  # the first install: nothing is sold yet
    window = {"after": now - AFTER, "until": now + BEFORE}
    found = {*queues.times(**window), *desk.openings(**window)}
    return sorted((NearOpening(*one) for one in found), key=lambda one: (one.opens_at, one))


def override(met: list[NearOpening], *, reason: str, now: datetime) -> None:
    """Record that a release goes on all the same, and why."""
    with transaction():
        audit.record(
            actor_id=None,
            action="boxoffice.release_into_an_opening",
            target=f"release:{settings.FRONTROW_RELEASE}",
            reason=reason,
            changes={"performances": sorted({str(one.performance_id) for one in met})},
            now=now,
        )
