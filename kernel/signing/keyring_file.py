"""The key ring file: making it and rotating its keys (keyring.py reads it).

The file is JSON: `{"version": 1, "uses": {use: [current, previous?]}}`, a key being its `kid` (the
start of the RFC 7638 thumbprint), `created_at` and PKCS #8 `private` PEM. A key of `MAC_USES` has a
random `kid` and `secret`, base64url, instead. With `signs_at` (seconds of the epoch) the previous
key signs until then. The file is replaced in one step, so that a reader
sees the old ring or the new one; a release reads past uses that it doesn't know.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kernel.signing import keyring
from kernel.signing.jwks import as_jwk
from kernel.text import base64url

_RSA_BITS = 2048
_KID_LENGTH = 12  # 72 bits: enough to tell a site's keys apart, short enough for a QR code
_ALL_USES: tuple[keyring.AnyUse, ...] = (*keyring.USES, *keyring.MAC_USES)
_THUMBPRINT_MEMBERS = ("crv", "e", "kty", "n", "x")  # RFC 7638 and RFC 8037, in order


def init(path: Path, *, now: datetime) -> bool:
    """Make the ring, or add uses without which none is read; say whether anything was written.

    An older ring gets no secrets: processes of the release before would refuse what they write.
    """
    with _locked(path):
        if path.exists():
            return _add(path, _read(path), keyring.USES, now)
        return _add(path, {"version": 1, "uses": {}}, _ALL_USES, now)


def upgrade(path: Path, *, now: datetime) -> bool:
    """Add every use that the ring lacks, or make it; say whether anything was written."""
    with _locked(path):
        document = _read(path) if path.exists() else {"version": 1, "uses": {}}
        return _add(path, document, _ALL_USES, now)


def rotate(
    path: Path, use: keyring.AnyUse, *, now: datetime, after: timedelta = timedelta()
) -> str:
    """Put a new key of `use` in force, keep the one before for verifying; return the new kid.

    It verifies from now on and signs `after` that, when every process has read it. Raises
    ValueError for a use that the ring lacks, or whose last new key does not sign yet.
    """
    with _locked(path):
        document = _read(path)
        if use not in document["uses"]:
            raise ValueError(f"no key of use {use}; `manage.py keys upgrade` makes one")
        if document["uses"][use][0].get("signs_at", 0.0) > now.timestamp():
            raise ValueError(f"the last new key of use {use} does not sign yet")
        new: dict[str, Any] = {**_new_key(use, now)}
        if after:
            new["signs_at"] = (now + after).timestamp()
        document["uses"][use] = [new, document["uses"][use][0]]
        _write(path, document)
        return str(new["kid"])


def entries(path: Path) -> list[dict[str, str]]:
    """Return use, kid, state (current or previous) and created_at of every key; no secrets."""
    return [
        {"use": use, "kid": key["kid"], "state": state, "created_at": key["created_at"]}
        for use, pair in _read(path)["uses"].items()
        for key, state in zip(pair, ("current", "previous"), strict=False)
    ]


def _add(
    path: Path, document: dict[str, Any], uses: tuple[keyring.AnyUse, ...], now: datetime
) -> bool:
    missing = [use for use in uses if use not in document["uses"]]
    for use in missing:
        document["uses"][use] = [_new_key(use, now)]
    if missing:
        _write(path, document)
    return bool(missing)


def _new_key(use: keyring.AnyUse, now: datetime) -> dict[str, str]:
    private: RSAPrivateKey | Ed25519PrivateKey
    if keyring.ALGORITHMS[use] == "BLAKE2b":
        secret = secrets.token_bytes(keyring.MAC_SECRET_BYTES)
        kid = secrets.token_urlsafe(_KID_LENGTH)[:_KID_LENGTH]  # says nothing of the secret
        return {"kid": kid, "created_at": now.isoformat(), "secret": base64url.encode(secret)}
    if keyring.ALGORITHMS[use] == "RS256":
        private = generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    else:
        private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"kid": _kid(private), "created_at": now.isoformat(), "private": pem}


def _kid(private: RSAPrivateKey | Ed25519PrivateKey) -> str:
    jwk = as_jwk(private.public_key())
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    digest = sha256(keyring.encode_json(members).encode()).digest()
    return base64url.encode(digest)[:_KID_LENGTH]


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1)
    if set(document["uses"]) >= set(keyring.USES):
        keyring.parse(text)  # never put a ring in force that no process could read
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time change the ring: two starts at once must not make two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
