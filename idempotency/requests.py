"""Requests with an Idempotency-Key: the key in a header, and what names a request and its body."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from idempotency.errors import KeyInvalid, KeyRequired

_BARE = re.compile(r"[\x21\x23-\x7e][\x21-\x7e]{7,254}")
_QUOTED = re.compile(r'"(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"')  # RFC 9651 string, no spaces
_LENGTHS = range(8, 256)


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with a key, as its record has it: two SHA-256 in hex.

    `request_key` is that of caller, route and key, `body_hash` that of what is asked.
    """

    request_key: str
    body_hash: str


def key_in(header: str | None, *, required: bool) -> str | None:
    """Return the key in the value of a header; None without one where it is not `required`.

    Raises `KeyRequired`, `KeyInvalid`.
    """
    if header is None:
        if required:
            raise KeyRequired
        return None
    raw = header.strip(" \t")
    if _QUOTED.fullmatch(raw):
        key = re.sub(r'\\(["\\])', r"\1", raw[1:-1])
        if len(key) in _LENGTHS:
            return key
    elif _BARE.fullmatch(raw):
        return raw
    raise KeyInvalid


def keyed_request(
    key: str, *, user_id: UUID, method: str, route: str, path: str, query: str, body: Any
) -> KeyedRequest:
    """Return a caller's request with a key; `route` is the pattern that its `path` matches.

    The body is the parsed one, so that a client that writes the same members in another order
    still says the same.
    """
    named = "\x1f".join([str(user_id), f"{method} {route}", key])
    asked = json.dumps([path, query, body], sort_keys=True)
    return KeyedRequest(sha256(named.encode()).hexdigest(), sha256(asked.encode()).hexdigest())
