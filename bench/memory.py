"""What an API process holds after many logins and under mixed traffic.

    python bench/memory.py [--logins 10000] [--minutes 30] [--connections 32] [--compare] [--json]

The bar: under 300 MB a process, after 10,000 logins and throughout 30 minutes of mixed traffic.
`--compare` measures the same with glibc's own settings first. Servers and ports of its own, on
127.0.0.1; memory is the proportional set size of each process, asked once a second.
"""

import argparse
import json

from ground import ground

BAR_MB = 300


def main() -> None:
    """Measure and print; exit code 2 where a process passed the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground() as folder:
        from measure_memory import measure

        figures = measure(
            folder,
            logins=options.logins,
            minutes=options.minutes,
            connections=options.connections,
            compare=options.compare,
        )
    print(json.dumps(figures) if options.json else _table(figures))
    if max(figures["as the stack sets it"][name] for name in ("after logins", "most")) > BAR_MB:
        raise SystemExit(2)


def _table(figures: dict) -> str:
    columns = ("at start", "after logins", "after mixed traffic", "most")
    lines = [f"{'MB a process (largest)':24}" + "".join(f"{name:>21}" for name in columns)]
    lines += [
        f"{name:24}" + "".join(f"{seen[column]:>21}" for column in columns)
        for name, seen in figures.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
