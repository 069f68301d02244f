"""What somebody who watches a rehearsal sees: a live table, or a line now and then."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

_LINE_SECONDS = 5.0
_ROWS = (
    ("waiting", "waiting"),
    ("admitted", "admitted"),
    ("held", "seats held"),
    ("sold", "seats sold"),
    ("errors", "errors (5xx, lost)"),
    ("requests", "requests in the last half second"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
)


class LiveView:
    """Shows progress on a terminal; elsewhere it writes a line every few seconds."""

    def __init__(self, *, out: TextIO = sys.stderr, quiet: bool = False) -> None:
        self._console = Console(file=out)
        self._quiet = quiet
        self._live: Live | None = None
        self._next_line = 0.0

    def __enter__(self) -> "LiveView":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def say(self, sentence: str) -> None:
        """Show one sentence about what goes on."""
        if not self._quiet:
            self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def show(self, progress: Mapping[str, Any]) -> None:
        """Show the figures of this moment."""
        if self._quiet:
            return
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(_table(progress), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            self.say(_line(progress))

    def stop(self) -> None:
        """End the live table."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _table(progress: Mapping[str, Any]) -> Table:
    table = Table(title=f"{progress['seconds']:.0f} s since the opening", show_header=False)
    for name, title in _ROWS:
        table.add_row(title, f"{progress[name]:,}")
    seats = max(1, progress["seats"])
    bar = ProgressBar(total=seats, completed=progress["left"], width=40)
    table.add_row(f"seats left: {progress['left']:,}", bar)
    return table


def _line(progress: Mapping[str, Any]) -> str:
    words = [f"{title} {progress[name]}" for name, title in _ROWS if name != "requests"]
    return f"{progress['seconds']:6.1f} s: {', '.join(words)}, left {progress['left']}"
