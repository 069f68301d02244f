"""Measure how late fans are admitted, against the ideal schedule of the room's rate.

`python bench/queue_lateness.py [--fans 1500] [--rate 100] [--polls 200] [--json]`

The room is a function of time that moves whenever anybody asks, so the lateness is that of the
next poll. A crowd waits, pollers ask `--polls` times a second in all and a tick comes every
second, until everybody is admitted. The n-th fan is due when the rate has earned n admissions.
"""

import argparse
import json

from ground import ground

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fans", type=int, default=1500)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--polls", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground():
        from measure_lateness import measure

        figures = measure(options.fans, options.rate, options.polls)
    print(
        json.dumps(figures)
        if options.json
        else "\n".join(f"{k:>12}  {v}" for k, v in figures.items())
    )
