"""A ring of keys of the test's own, rings of the release before, and claims that may be signed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kernel.signing import keyring, keyring_file

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AUDIENCE = "frontrow:test"


@cache
def _ring_of(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        keyring_file.init(path, now=NOW)
        return path.read_bytes()


def make_ring(path: Path) -> None:
    """Write a ring that is made once for each name of a file: its keys take a quarter second."""
    path.touch(mode=0o600)
    path.write_bytes(_ring_of(path.name))


@contextmanager
def ring_in(path: Path, settings: Any) -> Iterator[Path]:
    """Sign with the keys of this file's name, kept in `path`, for the block."""
    settings.SIGNING_KEYS_FILE = str(path)
    make_ring(path)
    keyring.forget_ring()
    try:
        yield path
    finally:
        keyring.forget_ring()


def take_mac_keys(path: Path) -> None:
    """Make the ring in `path` one that the release before has made."""
    document = json.loads(path.read_text())
    for use in keyring.MAC_USES:
        document["uses"].pop(use, None)
    path.write_text(json.dumps(document))
    keyring.forget_ring()


def upgrade(path: Path) -> None:
    keyring_file.upgrade(path, now=NOW)
    keyring.forget_ring()


def rotate(path: Path, use: keyring.AnyUse) -> None:
    keyring_file.rotate(path, use, now=NOW)
    keyring.forget_ring()


def claims(**changes: Any) -> dict[str, Any]:
    return {"aud": AUDIENCE, "exp": int(NOW.timestamp()) + 60, "sub": "someone"} | changes


def signing_key(use: str) -> keyring.Key:
    return keyring.ring().signing[use]
