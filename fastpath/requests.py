"""Requests of the usual form, or none.

Note [Usual requests]
Only headers that the product knows and that change nothing of these routes are taken; with any
other, twice the same one, or a value that is no plain text, a request is not of the usual form, and
the API reads it in full.

What is the same for everybody depends on few headers, and the gateway keeps one answer for all:
there the others are left out. Else one caller's odd header would keep the answer from the others.

Note [Heads alike]
Of what a fan's request says, most is what thousands of others say: the route, the host, how it came
here. What follows from that is found once (`Head` in calls.py) and kept by those very bytes; only
the headers in `_OWN` are read each time. What browsers tell of themselves differs most and changes
nothing here: it is not looked at.
"""

from collections.abc import Sequence
from typing import Any

Headers = Sequence[tuple[bytes, bytes]]

AUTHORIZATION, IDEMPOTENCY_KEY, TRACEPARENT = b"authorization", b"idempotency-key", b"traceparent"
FORWARDED_FOR, QUEUE_TOKEN, REQUEST_ID = b"x-forwarded-for", b"x-queue-token", b"x-request-id"
REQUEST_START, TRACE_TOKEN = b"x-request-start", b"x-trace-token"
QUEUE_LINE = b"x-queue-line"  # the gateway's own: it says no caller's
_OWN = {
    *(AUTHORIZATION, IDEMPOTENCY_KEY, TRACEPARENT, FORWARDED_FOR, QUEUE_TOKEN, REQUEST_ID),
    *(REQUEST_START, TRACE_TOKEN, QUEUE_LINE),
}
_COMMON = {
    b"accept": "HTTP_ACCEPT",
    b"accept-encoding": "HTTP_ACCEPT_ENCODING",
    b"accept-language": "HTTP_ACCEPT_LANGUAGE",
    b"connection": "HTTP_CONNECTION",
    b"content-length": "CONTENT_LENGTH",
    b"content-type": "CONTENT_TYPE",
    b"host": "HTTP_HOST",
    b"x-forwarded-proto": "HTTP_X_FORWARDED_PROTO",
}
_NOT_READ = {b"origin", b"referer", b"user-agent"}
# What an answer for everybody depends on; a login makes it a private one, and is not read.
_PUBLIC = {
    name: _COMMON[name]
    for name in (b"accept-language", b"content-length", b"host", b"x-forwarded-proto")
} | {b"if-match": "HTTP_IF_MATCH", b"if-none-match": "HTTP_IF_NONE_MATCH"}
NOT_PUBLIC = {IDEMPOTENCY_KEY, TRACEPARENT, QUEUE_TOKEN, REQUEST_START, TRACE_TOKEN}
_UNUSUAL = {b"cookie", b"transfer-encoding", b"expect", b"x-forwarded-host", b"upgrade"}


def parted(
    headers: Headers,
) -> tuple[dict[bytes, str], set[bytes], tuple[tuple[bytes, bytes], ...]]:
    """Return the headers of this request alone by name, and those that others share.

    See Note [Heads alike]. Between them: which of its own are sent twice or are no plain text.
    """
    own: dict[bytes, str] = {}
    odd: set[bytes] = set()
    common = []
    for header in headers:
        name, value = header
        if name in _OWN:
            if name in own or not value.isascii():
                odd.add(name)
            else:
                own[name] = value.decode("ascii")
        elif name not in _NOT_READ:
            common.append(header)
    return own, odd, tuple(common)


def common_environ(
    method: str, path: str, headers: Headers, *, is_public: bool
) -> dict[str, Any] | None:
    """Return the WSGI environment that requests with these headers share; None for an unusual one.

    What stands in front of Django judges such environments, there and here. `path` is that of the
    target, which has no query. `is_public`: what it asks for is the same for everybody.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.url_scheme": "http",
    }
    try:
        names = _PUBLIC if is_public else _COMMON
        for name, value in headers:
            known = names.get(name)
            if known is None and is_public and name not in _UNUSUAL:
                continue
            if known is None or known in environ:
                return None
            environ[known] = value.decode("ascii")
    except UnicodeDecodeError:
        return None
    return environ
