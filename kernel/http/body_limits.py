"""Body limits: how long a body may be, checked before it is read.

Note [Length before children]
A body is refused by its length before a byte of it is read, its members by their number before
they are looked at, and a response names the first few errors only: a request never costs more than
what its route may need. Routes that need more than `settings.BODY_LIMIT` are in the table
`settings.BODY_LIMITS`. A body without a length is read up to the limit; then it has one.
"""

import re
from functools import cache
from io import BytesIO
from typing import Any

from django.conf import settings


def limit_of(path: str) -> int:
    """Return the bytes that a body sent to `path` may have."""
    for pattern, limit in settings.BODY_LIMITS:
        if _compiled(pattern).fullmatch(path):
            return int(limit)
    return int(settings.BODY_LIMIT)


def is_too_large(environ: dict[str, Any]) -> bool:
    """Say whether a request's body is over its path's limit; give one sent in chunks a length."""
    length = environ.get("CONTENT_LENGTH")
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


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
