"""Connections that lead to public addresses alone and end at a deadline.

httpcore, the engine of httpx, takes a network backend: the hook at which a name becomes a
connection (Note [Where webhooks may go] in targets.py). Its own streams have a timeout for each
read and write; a receiver that sends a byte now and then would keep a thread for ever, so these
have one deadline for all of it.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from webhooks import policy
from webhooks.targets import WebhookTarget, check_addresses

_MOST_ADDRESSES = 3  # of a host that are tried


class DeadlineStream(httpcore.NetworkStream):
    """A socket whose every wait ends at one moment (monotonic seconds)."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._limit()
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("too slow") from error
        except OSError as error:
            raise httpcore.ReadError(_name_of(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                self._limit()
                rest = rest[self._socket.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout("too slow") from error
        except OSError as error:
            raise httpcore.WriteError(_name_of(error)) from error

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            self._limit()
            secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except TimeoutError as error:
            self.close()
            raise httpcore.ConnectTimeout("TLS too slow") from error
        except OSError as error:
            self.close()
            raise httpcore.ConnectError(f"TLS: {_name_of(error)}") from error
        return DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


class PublicBackend(httpcore.NetworkBackend):
    """Looks the host of one target up, once, and connects to an address of that answer."""

    def __init__(self, target: WebhookTarget, deadline: float) -> None:
        self._target = target
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. Raises `TargetRefused`, `httpcore.ConnectError` and `ConnectTimeout`."""
        addresses = _addresses_of(host, port)
        check_addresses(self._target, addresses)
        failure: OSError = TimeoutError()
        for address in addresses[:_MOST_ADDRESSES]:
            left = self._deadline - time.monotonic()
            if left <= 0:
                break
            try:
                connection = socket.create_connection(
                    (address, port), min(left, policy.CONNECT_SECONDS)
                )
            except OSError as error:
                failure = error
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return DeadlineStream(connection, self._deadline)
        if isinstance(failure, TimeoutError):
            raise httpcore.ConnectTimeout("no connection in time")
        raise httpcore.ConnectError(_name_of(failure))


def _addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the resolver's order, each once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the host has no address") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _name_of(error: OSError) -> str:
    """Return what went wrong without what a receiver may have written into it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"[:150]
    return str(error.strerror or type(error).__name__)[:150]
