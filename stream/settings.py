"""What the process is given by its environment, and its bounds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """A variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Times in seconds, sizes in bytes. Each number has the variable STREAM_ and its name.

    `drain_file` is DRAIN_FILE, as every process of ours has it.
    """

    source_url: str  # where the API's public documents are read: the gateway, without a slash
    connections: int = 20_000  # listeners at most
    rooms: int = 256  # documents that are watched at most, two of a performance
    # Together less than what the API lets one client IP do (its limit `anonymous`).
    reads_per_second: int = 30  # of documents that are watched; beyond, each is read less often
    openings_per_second: int = 5  # first reads, also of performances that do not exist
    buffer_bytes: int = 262_144  # what may wait for one reader
    room_bytes: int = 1_048_576  # of events, kept to be repeated
    document_bytes: int = 1_048_576  # of the API; a larger one is not parsed
    drain_seconds: int = 15  # over which those who were sent off come back
    drain_file: str = ""  # while it exists, `/healthz/ready` says no


# The least and the most of each number.
_BOUNDS = {
    "connections": (1, 1_000_000),
    "rooms": (1, 10_000),
    "reads_per_second": (1, 10_000),
    "openings_per_second": (1, 1_000),
    "buffer_bytes": (4_096, 16_777_216),
    "room_bytes": (65_536, 67_108_864),
    "document_bytes": (65_536, 16_777_216),
    "drain_seconds": (1, 300),
}


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises BadSetting."""
    source = environment.get("STREAM_SOURCE_URL", "")
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
        raise BadSetting(f"STREAM_SOURCE_URL={source} is no http(s)://host[:port]")
    numbers: dict[str, int] = {}
    for name, (least, most) in _BOUNDS.items():
        variable = f"STREAM_{name.upper()}"
        given = environment.get(variable)
        if not given:
            continue
        if not given.isdecimal() or not least <= int(given) <= most:
            raise BadSetting(f"{variable}={given} is no whole number from {least} to {most}")
        numbers[name] = int(given)
    return Settings(source, **numbers, drain_file=environment.get("DRAIN_FILE", ""))
