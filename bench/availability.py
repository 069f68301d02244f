"""How large the availability of a large hall is, and how long it takes to build it anew.

    .venv/bin/python bench/availability.py [--seats 50000] [--times 50] [--json]

Measured after a change each time: one seat is taken, then the document is built by the code that
the API runs. `best_seats` is one choice of the chooser on a hall sold to nine tenths.
"""

import argparse

from ground import ground, report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seats", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground():
        from measure_availability import measure

        report(measure(options.seats, options.times), as_json=options.json)


if __name__ == "__main__":
    main()
