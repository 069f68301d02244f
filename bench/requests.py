"""HTTP requests as bytes."""

import json
from typing import Any


def request(
    method: str,
    path: str,
    *,
    body: Any = None,
    bearer: str = "",
    authorization: str = "",
    queue_token: str = "",
    client_ip: str = "",
    idempotency_key: str = "",
    takes_gzip: bool = False,
) -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {bearer}" if bearer else authorization,
        "X-Queue-Token": queue_token,
        "X-Forwarded-For": client_ip,
        "Idempotency-Key": idempotency_key,
        "Accept-Encoding": "gzip" if takes_gzip else "",
        "Content-Type": "application/json" if content else "",
        "Content-Length": str(len(content)) if method == "POST" else "",
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + content
