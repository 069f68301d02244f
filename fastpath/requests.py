"""Requests as the server hands them over, as WSGI environments: of the usual form, or none.

Note [Usual requests]
What stands in front of Django reads WSGI environments, so that one code judges logins, limits and
client IPs in both. Only headers that the product knows and that change nothing of these routes are
taken; with any other, twice the same one, or a value that is no plain text, a request is not of the
usual form, and the API reads it in full.

What is the same for everybody depends on few headers, and the gateway keeps one answer for all:
there the others are left out. Else one caller's odd header would keep the answer from the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_NAMES = {
    "accept": "HTTP_ACCEPT",
    "accept-encoding": "HTTP_ACCEPT_ENCODING",
    "accept-language": "HTTP_ACCEPT_LANGUAGE",
    "authorization": "HTTP_AUTHORIZATION",
    "connection": "HTTP_CONNECTION",
    "content-length": "CONTENT_LENGTH",
    "content-type": "CONTENT_TYPE",
    "host": "HTTP_HOST",
    "origin": "HTTP_ORIGIN",
    "referer": "HTTP_REFERER",
    "traceparent": "HTTP_TRACEPARENT",
    "user-agent": "HTTP_USER_AGENT",
    "x-forwarded-for": "HTTP_X_FORWARDED_FOR",
    "x-forwarded-proto": "HTTP_X_FORWARDED_PROTO",
    "x-queue-token": "HTTP_X_QUEUE_TOKEN",
    "x-request-id": "HTTP_X_REQUEST_ID",
}
# What an answer for everybody depends on; a login makes it a private one, and is not read.
_PUBLIC = {
    name: _NAMES[name]
    for name in (
        *("accept-language", "authorization", "content-length", "host", "x-forwarded-for"),
        *("x-forwarded-proto", "x-request-id"),
    )
}
_UNUSUAL = {"cookie", "transfer-encoding", "expect", "x-forwarded-host", "upgrade"}


class Headers(Protocol):
    """The headers of an RSGI scope; `items` leaves out those whose value is no plain text."""

    def keys(self) -> Sequence[str]: ...

    def items(self) -> Sequence[tuple[str, str]]: ...

    def get(self, key: str) -> str | None: ...

    def __contains__(self, key: str) -> bool: ...


class Scope(Protocol):
    """What RSGI says of a request; `path` is decoded, `client` is an address and a port."""

    method: str
    path: str
    query_string: str
    scheme: str
    client: str
    authority: str | None

    @property
    def headers(self) -> Headers: ...


def environ_of(scope: Scope, *, is_public: bool = False) -> dict[str, Any] | None:
    """Return the environment of a request, without its body; None for one of another form.

    `is_public`: what it asks for is the same for everybody (Note [Usual requests]).
    """
    names = _PUBLIC if is_public else _NAMES
    sent = scope.headers.items()
    if scope.authority is not None or not _are_readable(scope.headers, sent, names):
        return None
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path,
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
    }
    for name, value in sent:
        known = names.get(name)
        if known is None and is_public and name not in _UNUSUAL:
            continue
        if known is None or known in environ:
            return None
        environ[known] = value
    return environ


def has_body(scope: Scope) -> bool:
    """Say whether a request brings a body."""
    headers = scope.headers
    return (headers.get("content-length") or "0") != "0" or "transfer-encoding" in headers


def _are_readable(
    headers: Headers, sent: Sequence[tuple[str, str]], names: Mapping[str, str]
) -> bool:
    """Say whether every header of these names has a value that `items` shows."""
    found = headers.keys()
    if len(found) == len(sent):
        return True
    if names is _NAMES:
        return False  # what others say counts, too
    return sum(name in names for name in found) == sum(name in names for name, _ in sent)
