"""What holding, paying and listing cost when a year of reservations is there already.

    .venv/bin/python bench/scale.py [--rows 200000] [--times 100] [--json]

The rows go straight into the partitions of the twelve months before now, evenly, a seat each, ten a
fan. The same fans then hold, pay and list through the product's own use cases with none, a tenth
and all of the rows there. `--rows 10000000` is the year of the design; it takes about 8 GB.
"""

import argparse

from ground import ground, report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground():
        from measure_scale import measure

        report(measure(options.rows, options.times), as_json=options.json)


if __name__ == "__main__":
    main()
