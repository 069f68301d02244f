"""HTTP messages as the service's server hands them over and takes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

_REASONS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """A request that was read to its end.

    `target` is what stands in the request line; the names of `headers` are in small letters, and
    one sent twice stands there twice. `body` is None for one too long to be kept. `is_followed`:
    the connection stays open for another request.
    """

    client_ip: str
    method: str = ""
    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes | None = b""
    is_followed: bool = True


@dataclass(slots=True)
class Response:
    """A finished response; Content-Length is among its headers, or it has no body.

    `more_headers` are further ones as they are sent, each with its line's end.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    more_headers: bytes = b""

    def encoded(self, *, is_last: bool) -> bytes:
        """Return the bytes to be sent; `is_last`: the connection is closed after them."""
        lines = f"{_REASONS[self.status]}{lines_of(self.headers)}"
        if not self.body and all(name != "Content-Length" for name, _ in self.headers):
            lines += "Content-Length: 0\r\n"
        end = b"Connection: close\r\n\r\n" if is_last else b"\r\n"
        return b"%b%b%b%b" % (lines.encode("latin-1"), self.more_headers, end, self.body)


def lines_of(headers: Iterable[tuple[str, str]]) -> str:
    """Return headers as the lines that are sent."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers])
