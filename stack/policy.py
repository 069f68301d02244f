"""How the engine meets a service that ends or doesn't come up."""

from dataclasses import dataclass
from signal import SIGTERM

from stack.log_pump import LogPump


@dataclass
class Policy:
    """What holds for all services of an engine."""

    restart: bool = True
    death_signal: int = SIGTERM
    attempts: int | None = None  # failures in a row, before its first start, and it is given up
    marker: str = ""  # see process.MARKER
    pump: LogPump | None = None  # writes the logs; without one the processes do
