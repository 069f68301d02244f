"""Log files: the lines of one request or trace, from the gateway to the last consumer."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SANE_ID = re.compile(r"[A-Za-z0-9._:\-]{8,128}")
# Said in a place of their own, or the same on every line of a request.
_SHOWN_APART = {"time", "level", "logger", "message", "service", "version"}
_OF_THE_REQUEST = {"request_id", "trace_id"}


def lines_of(folder: Path, wanted: str) -> list[dict[str, Any]]:
    """Return the lines whose request id or trace id is `wanted`, by their time.

    Raises FileNotFoundError where `folder` holds no logs. What is no JSON object is passed over.
    """
    files = [*folder.glob("*.log.1"), *folder.glob("*.log")]
    if not files:
        raise FileNotFoundError(f"{folder} holds no logs")
    found = [line for file in sorted(files) for line in _lines_in(file, wanted)]
    return sorted(found, key=lambda line: str(line.get("time", "")))


def _lines_in(file: Path, wanted: str) -> Iterator[dict[str, Any]]:
    mark = wanted.encode()
    with file.open("rb") as lines:
        for text in lines:
            if mark not in text:
                continue
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and wanted in (line.get("request_id"), line.get("trace_id")):
                yield line


def shown(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines for a person's eyes: when, who, how bad, what, and the other members."""
    for line in lines:
        more = " ".join(
            f"{name}={value}"
            for name, value in line.items()
            if name not in _SHOWN_APART | _OF_THE_REQUEST and value != ""
        )
        words = (line.get(name, "") for name in ("time", "service", "level", "logger", "message"))
        time, service, level, logger, message = words
        yield f"{time}  {service:<18} {level:<8} {logger}: {message}  {more}".rstrip()
