"""The interval after which a waiting fan polls again, and the wait that is left.

Note [Poll interval]
A fan with `a` people ahead polls every `a * ln(n) / B` seconds, n being the crowd: summed over
the crowd that is about B polls a second however large it is (a harmonic sum). Nobody sleeps past
half of the wait, so an admitted fan comes in good time and, after a loss of the server, those at
the front show their tokens before anybody behind them can be let in. Before the opening everybody
polls at half of the time that is left. The interval is jittered, so that people who joined
together don't poll together.
"""

import math
import random

from queueing import policy
from queueing.replies import Spot


def eta_seconds(spot: Spot) -> int:
    """Return whole seconds until a waiting fan is admitted (Note [Waiting times])."""
    until_open = (
        max(0, spot.admits_from_ms - spot.now_ms) / 1000 if spot.room_state == "PRESALE" else 0
    )
    return math.ceil(until_open + spot.wait_ms / 1000)


def poll_after_seconds(spot: Spot, *, eta: int) -> int:
    """Return whole seconds, at least one, until a waiting fan should ask again."""
    fair_share = spot.ahead * math.log(spot.waiting + 2) / policy.POLLS_PER_SECOND
    longest = max(policy.LONGEST_POLL_SECONDS, spot.waiting * 2 / policy.POLLS_PER_SECOND)
    wanted = (
        longest if spot.room_state == "PRESALE" else max(fair_share, policy.SHORTEST_POLL_SECONDS)
    )
    jitter = 1 + policy.POLL_JITTER * (2 * random.random() - 1)  # noqa: S311
    return max(1, round(min(wanted, eta / 2 + 1, longest) * jitter))
