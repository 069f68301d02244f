"""Requests as WSGI environments: of the usual form, or none.

Note [Usual requests]
What stands in front of Django reads WSGI environments, so that one code judges logins, limits and
client IPs in both. Only headers that the product knows and that change nothing of these routes are
taken; with any other, twice the same one, or a value that is no plain text, a request is not of the
usual form, and the API reads it in full.

What is the same for everybody depends on few headers, and the gateway keeps one answer for all:
there the others are left out. Else one caller's odd header would keep the answer from the others.

Note [Heads alike]
Of what a fan's request says, most is what thousands of others say: the route, the host, how it came
here. What follows from that is found once (`Head`) and kept by those very bytes; only the headers
in `_OWN` are read each time. What browsers tell of themselves differs most and changes nothing
here: it is not looked at.
"""

from collections.abc import Sequence
from typing import Any

from fastpath.messages import Request

Headers = Sequence[tuple[bytes, bytes]]

_OWN = {
    b"authorization": "HTTP_AUTHORIZATION",
    b"idempotency-key": "HTTP_IDEMPOTENCY_KEY",
    b"traceparent": "HTTP_TRACEPARENT",
    b"x-forwarded-for": "HTTP_X_FORWARDED_FOR",
    b"x-queue-token": "HTTP_X_QUEUE_TOKEN",
    b"x-request-id": "HTTP_X_REQUEST_ID",
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
_NOT_PUBLIC = {"HTTP_IDEMPOTENCY_KEY", "HTTP_TRACEPARENT", "HTTP_X_QUEUE_TOKEN"}
_UNUSUAL = {b"cookie", b"transfer-encoding", b"expect", b"x-forwarded-host", b"upgrade"}


def parted(headers: Headers) -> tuple[list[tuple[str, bytes]], tuple[tuple[bytes, bytes], ...]]:
    """Return the headers of this request alone, by their names in an environment, and the others.

    See Note [Heads alike].
    """
    own, common = [], []
    for header in headers:
        name = _OWN.get(header[0])
        if name is not None:
            own.append((name, header[1]))
        elif header[0] not in _NOT_READ:
            common.append(header)
    return own, tuple(common)


def common_environ(
    method: str, path: str, headers: Headers, *, is_public: bool
) -> dict[str, Any] | None:
    """Return the environment that all requests share which have these; None for an unusual one.

    `path` is that of its target, which has no query. `is_public`: what it asks for is the same for
    everybody (Note [Usual requests]).
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


def environ_of(
    request: Request,
    own: Sequence[tuple[str, bytes]],
    common: dict[str, Any],
    *,
    is_public: bool,
) -> dict[str, Any] | None:
    """Return the environment of one request, without its body; None for an unusual one."""
    environ = common.copy()
    environ["REMOTE_ADDR"] = request.client_ip
    try:
        for name, value in own:
            if is_public and name in _NOT_PUBLIC:
                continue
            if name in environ:
                return None
            environ[name] = value.decode("ascii")
    except UnicodeDecodeError:
        return None
    return environ
