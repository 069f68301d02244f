"""The speed bars: the product's busiest requests against a bare Django view, in one run.

    make bench [ARGS="--quick --json"]

Everything runs on servers and ports of its own, on 127.0.0.1. docs/performance.md says how it is
measured and why so.
"""

import argparse
import json
import os
import platform

from ground import ground


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds; noisier")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ground(durable=True) as folder:
        from measure_speed import measure

        figures = measure(folder, quick=options.quick, rounds=max(1, options.rounds))
    figures["machine"] = {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "load_after": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures) if options.json else _table(figures))


def _table(figures: dict) -> str:
    lines = [
        f"{'bar':14} {'at least':>8} {'median':>7} {'min':>6} {'max':>6} "
        f"{'per s':>7} {'yardstick/s':>11} {'CPU us':>7} {'yardst.':>7}  "
    ]
    for name, bar in figures["bars"].items():
        lines.append(
            f"{name:14} {bar['at_least']:>8} {bar['ratio']:>7} {bar['ratio_min']:>6} "
            f"{bar['ratio_max']:>6} {bar['per_second']:>7} {bar['yardstick_per_second']:>11} "
            f"{bar['cpu_us'] or '-':>7} {bar['yardstick_cpu_us'] or '-':>7}  "
            f"{'met' if bar['met'] else 'MISSED'}"
        )
    lines += [
        f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures[name].items())
        for name in ("burst", "machine")
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
