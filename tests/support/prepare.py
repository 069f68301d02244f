"""Make a performance in a running site: `python -m tests.support.prepare '{"seats": 50}'`.

Run with the site's environment by tests.support.site; prints one JSON object. Options:
`seats`, `price`, `row_length`; `queue`: the waiting room's settings, or absent for none; every
other one belongs to the sale policy (`hold_seconds`, `max_seats_per_fan`, ...).
"""

import json
import sys
from typing import Any

import django

django.setup()

from kernel import clock  # noqa: E402  (models can be imported only now)
from queueing.usecases import config  # noqa: E402
from tests.support import factories  # noqa: E402


def main(options: dict[str, Any]) -> dict[str, Any]:
    queue = options.pop("queue", None)
    performance = factories.make_performance(**options)
    if queue is not None:
        now = clock.now()
        config.set_config(
            performance_id=performance.pk,
            changes={"queue_opens_at": now, "state": "OPEN", **queue},
            actor_id=None,
            reason="acceptance test",
            now=now,
        )
    return {
        "performance_id": str(performance.pk),
        "concert_id": str(performance.concert_id),
        "seat_ids": [str(seat) for seat in factories.seat_ids(performance)],
        "price": options.get("price", 100_000),
    }


print(json.dumps(main(json.loads(sys.argv[1]))))  # noqa: T201
