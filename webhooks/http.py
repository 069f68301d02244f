"""One try: a POST to an endpoint, and what came back."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpcore

from webhooks import policy
from webhooks.connection import PublicBackend
from webhooks.targets import WebhookTarget

_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.PoolTimeout,
)


class NoReply(Exception):
    """Nothing that HTTP could read came back in time; its text says what happened."""


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """The status of a response and the beginning of its body, as text."""

    status: int
    beginning: str


def post(target: WebhookTarget, body: bytes, headers: Mapping[str, str]) -> WebhookReply:
    """Send a body, once, over a connection of its own, within `policy.TRY_SECONDS`.

    Follows no redirect, reads `policy.RESPONSE_READ` bytes at most and decodes nothing. Raises
    `NoReply` and `TargetRefused`.
    """
    deadline = time.monotonic() + policy.TRY_SECONDS
    url = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )
    sent = {"Host": target.authority, "Connection": "close", **headers}
    fields = [(name.encode(), value.encode()) for name, value in sent.items()]
    with httpcore.ConnectionPool(
        ssl_context=_tls(), max_connections=1, network_backend=PublicBackend(target, deadline)
    ) as pool:
        try:
            with pool.stream("POST", url, headers=fields, content=body) as response:
                return WebhookReply(response.status, _beginning(response))
        except _FAILURES as error:
            words = str(error) if isinstance(error, _OURS) else ""
            raise NoReply(f"{type(error).__name__}: {words}".rstrip(": ")) from error


# Their texts are those of connection.py; what a protocol error says, a receiver may have written.
_OURS = (httpcore.NetworkError, httpcore.TimeoutException)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _beginning(response: httpcore.Response) -> str:
    """Return the beginning of a body, at most `policy.RESPONSE_KEPT` bytes of UTF-8.

    A body that ends badly or is too long changes nothing: the status has said it.
    """
    received = bytearray()
    try:
        for piece in response.iter_stream():
            received += piece
            if len(received) >= policy.RESPONSE_READ:
                break
    except _FAILURES:
        pass
    text = received[: policy.RESPONSE_KEPT].decode(errors="replace").replace("\0", "\ufffd")
    return text.encode()[: policy.RESPONSE_KEPT].decode(errors="ignore")
