"""Measure joins, own polls and the public status, against a bare Django view, on one machine.

`python bench/queue_joins.py [--fans 10000] [--connections 256] [--json]`

Starts servers of its own and granian as the stack does, then plays the fans from this process over
keep-alive connections. The bare view (bench/bare.py) makes one Redis call under the same server
settings and no middleware. Prints requests a second, latencies, and the CPU shares of both sides.
"""

import argparse
import json
import sys

from ground import ground

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fans", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground():
        from measure_joins import measure

        figures = measure(options.fans, options.connections, options.workers)
    if options.json:
        print(json.dumps(figures))
        sys.exit()
    for name, values in figures.items():
        print(f"{name:>12}  " + "  ".join(f"{key} {value}" for key, value in values.items()))
