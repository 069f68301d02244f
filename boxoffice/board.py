"""The figures of a performance's board: one document for everybody who watches.

Note [Board]
A board asks every two seconds. What it is answered is made once for all of them and kept by the
cache server for a second (Note [Cached documents] in kernel/caching/shared.py), so many boards cost
what one does, and no board nobody watches costs anything. A document is never older than two
seconds: an older one is not kept. Everything in it is read from where it is decided: seats and
money from the primary, the crowd from the queue server; the hours are counted from events, and come
from the replica. Failed responses are the whole site's, counted in the cache server (Note [Failed
responses] in kernel/telemetry/failed_responses.py).
"""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from boxoffice import attention, performances
from boxoffice.attention import Alert
from boxoffice.performances import Listed
from events.queries import OutboxState, outbox_state
from kernel import clock
from kernel.caching import shared
from kernel.caching.request import CachePolicy
from kernel.caching.responses import Document, Rendered
from kernel.http.rendering import Encoder
from kernel.i18n import is_korean
from kernel.money import Money
from kernel.telemetry import failed_responses
from payments import desk_queries
from payments.desk_queries import AttemptFigures, RefundFigures
from queueing.queries import QueueRules
from queueing.room_figures import RoomFigures, room_figures
from reservations import queries as reservations
from reservations.queries import SeatFigures
from sale_statistics import queries as statistics

BOARD = CachePolicy(
    "board",
    fresh_for=timedelta(seconds=1),
    stale_for=timedelta(seconds=2),
    from_replica=False,
)
WINDOW = timedelta(seconds=60)  # of attempts to pay
HOURS = timedelta(days=3)
_CACHING = "private, no-store"


def document(performance_id: UUID, *, now: datetime) -> Document:
    """Return the board's JSON in the active language, at most two seconds old (Note [Board]).

    One that is kept costs a call to the cache server. Raises PerformanceNotFound.
    """
    language = "ko" if is_korean() else "en"
    key = f"{language}:{performance_id}"

    def build() -> Rendered:
        one = performances.find(performance_id, now=now)
        return Rendered(json.dumps(figures(one, now=now), cls=Encoder).encode(), _CACHING)

    return shared.read(BOARD, key, depends_on=(), build=build, now=now)


def figures(one: Listed, *, now: datetime) -> dict[str, Any]:
    """Return the figures at `now`; money in minor units, rates a second."""
    sale, rules = one.sale, one.rules
    performance_id: UUID = sale.performance.pk
    is_public = sale.performance.is_public()
    is_asked = rules is not None and is_public
    room = room_figures(performance_id=performance_id, now=now) if is_asked else None
    seats = reservations.seat_figures(performance_id=performance_id, now=now)
    attempts = desk_queries.recent_attempts(performance_id=performance_id, since=now - WINDOW)
    refunds = desk_queries.refund_figures(performance_id=performance_id)
    outbox = outbox_state(now=now)
    failed = failed_responses.in_last_minute(now=now)
    alerts = list(one.alerts)
    if is_public:
        alerts += attention.of_board(sale, room, rules, attempts, refunds, outbox, failed)
    hours = statistics.hours_of(performance_id=performance_id, since=now - HOURS)
    return {
        "as_of": now,
        "queue": _queue(room, rules, now),
        "seats": seats.counts,
        "money": _money(seats, refunds),
        "payments": _payments(attempts, refunds),
        "events": _events(outbox),
        "failures": failed and {"defects": failed.defects, "all": failed.all},
        "hours": [
            [clock.to_ms(one.hour) // 1000, one.held, one.reservations, one.seats, one.amount]
            for one in hours
        ],
        "alerts": [_alert(one) for one in alerts],
    }


def _queue(
    room: RoomFigures | None, rules: QueueRules | None, now: datetime
) -> dict[str, Any] | None:
    if room is None:
        return None
    crowd = room.crowd
    return {
        "state": room.state if rules is None else rules.state_at(now),
        "waiting": crowd.waiting,
        "active": crowd.active,
        "capacity": crowd.capacity,
        "rate": room.rate,
        "pace": crowd.pace,
        "admitted": room.admitted,
        "mean_wait_seconds": round(room.mean_wait_seconds, 1),
    }


def _money(seats: SeatFigures, refunds: RefundFigures) -> dict[str, Any]:
    return {
        "sold": Money(seats.sold_value, seats.currency).as_json(),
        "refunds": Money(refunds.amount, seats.currency).as_json(),
    }


def _payments(attempts: AttemptFigures, refunds: RefundFigures) -> dict[str, Any]:
    return {
        "seconds": int(WINDOW.total_seconds()),
        "paid": attempts.paid,
        "failed": attempts.failed,
        "undecided": attempts.undecided,
        "refunds_refused": refunds.refused,
    }


def _events(outbox: OutboxState) -> dict[str, Any]:
    return {
        "waiting": outbox.backlog,
        "age_seconds": round(outbox.age_seconds, 1),
        "set_aside": outbox.dead,
    }


def _alert(alert: Alert) -> dict[str, str]:
    return {"code": alert.code, "says": str(alert.says), "url": alert.url}
