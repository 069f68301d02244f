"""Body limits: how long a body may be, checked before it is read.

Note [Length before children]
A body is refused by its length before a byte of it is kept, its members by their number before
they are looked at, and a response names the first few errors only: a request never costs more than
what its route may need. Routes that need more than `settings.BODY_LIMIT` are in the table
`settings.BODY_LIMITS`. A body without a length is read up to the limit; then it has one.

Note [Bodies are read]
A server that responds amid a body and hangs up looks to nginx like one that died: the caller gets
503 instead of the refusal, and for a while fastpath would be passed over. So what a refusal leaves
of a body is read and dropped before the response, up to more than the gateway lets through. The
gateway has a body whole before it sends any of it, so that takes no time.
"""

import re
from io import BytesIO
from typing import Any

from django.conf import settings

from kernel.from_settings import from_settings

MOST_DRAINED = 2 * 1024 * 1024  # bytes; the gateway lets 1 MiB through
_CHUNK = 64 * 1024


def drain(environ: dict[str, Any]) -> None:
    """Read and drop what is left of a request's body (Note [Bodies are read])."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or not 0 < int(length) <= MOST_DRAINED:
        return
    left = int(length)
    while left > 0 and (chunk := environ["wsgi.input"].read(_CHUNK)):
        left -= len(chunk)


def limit_of(path: str) -> int:
    """Return the bytes that a body sent to `path` may have."""
    longer, usual = _limits()
    for pattern, limit in longer:
        if pattern.fullmatch(path):
            return limit
    return usual


def is_too_large(environ: dict[str, Any]) -> bool:
    """Say whether a request's body is over its path's limit; give one sent in chunks a length."""
    length = environ.get("CONTENT_LENGTH")
    if length == "0":
        return False
    if length:
        return length.isdecimal() and int(length) > limit_of(environ["PATH_INFO"])
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return False
    limit = limit_of(environ["PATH_INFO"])
    body = environ["wsgi.input"].read(limit + 1)
    del environ["HTTP_TRANSFER_ENCODING"]
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)
    return len(body) > limit


@from_settings
def _limits() -> tuple[list[tuple[re.Pattern[str], int]], int]:
    longer = [(re.compile(pattern), int(limit)) for pattern, limit in settings.BODY_LIMITS]
    return longer, int(settings.BODY_LIMIT)
