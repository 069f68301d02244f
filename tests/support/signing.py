"""A ring of signing keys of the test's own, and claims that it may sign."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kernel.signing import keyring, keyring_file

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AUDIENCE = "frontrow:test"


@contextmanager
def ring_in(path: Path, settings: Any) -> Iterator[Path]:
    """Sign with new keys, kept in `path`, for the block."""
    settings.SIGNING_KEYS_FILE = str(path)
    keyring_file.init(path, now=NOW)
    keyring.forget_ring()
    try:
        yield path
    finally:
        keyring.forget_ring()


def claims(**changes: Any) -> dict[str, Any]:
    return {"aud": AUDIENCE, "exp": int(NOW.timestamp()) + 60, "sub": "someone"} | changes


def signing_key(use: str) -> keyring.Key:
    return keyring.ring().signing[use]
