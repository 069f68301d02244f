"""What the command lines of drills share: their exit codes, refusals, and how they are ended."""

import argparse
import signal
import sys
from typing import NoReturn

FAILED, INTERRUPTED = 4, 130


class DrillWords(argparse.ArgumentParser):
    """Refuses mistyped words with `FAILED`; argparse's own 2 would say that a limit was missed."""

    def error(self, message: str) -> NoReturn:
        """Refuse the words."""
        self.print_usage(sys.stderr)
        self.exit(FAILED, f"{self.prog}: error: {message}\n")

    def add_usual(self, *, saved: str, rate: float) -> None:
        """Add what every drill takes; `saved` is the page of figures, `rate` the usual one."""
        self.add_argument("--json", action="store_true", help="print one JSON object a drill")
        self.add_argument("--save", action="store_true", help=f"keep the figures in {saved}")
        self.add_argument(
            "--rate",
            type=float,
            default=rate,
            help="whole flows that begin in a second; fewer for a slow machine (%(default)g)",
        )


def refuse(problem: str) -> int:
    """Say why nothing was drilled; return the exit code."""
    print(f"drills: {problem}", file=sys.stderr)
    return FAILED


def end_as_by_ctrl_c() -> None:
    """Let TERM and HUP end a drill as Ctrl-C does: with its stack stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
