"""The key ring of the site: one pair of signing keys (current and previous) a use.

Note [Signing keys]
A token says which key signed it (`kid`), never by which algorithm: the use fixes that. A key of one
use never verifies a token of another. Rotation makes the current key the previous one, which still
verifies, and drops the one before; so rotate no faster than twice the life of the longest-lived
token of that use. The ring is a file of mode 0600; when it changes, every process reads it again
within a second.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kernel.text import base64url

log = logging.getLogger(__name__)

Use = Literal["access", "queue", "ticket", "proof"]
USES: tuple[Use, ...] = get_args(Use)
ALGORITHMS: dict[Use, str] = {
    "access": "RS256",
    "queue": "EdDSA",
    "ticket": "EdDSA",
    "proof": "EdDSA",
}
_LOOK_SECONDS = 1.0


class KeyRingMissing(ImproperlyConfigured):
    """The key ring file is missing, unreadable, or not a key ring."""


@dataclass(frozen=True, slots=True)
class Key:
    """One parsed key pair; `header` is that of its tokens, encoded."""

    kid: str
    header: str
    private: RSAPrivateKey | Ed25519PrivateKey
    public: RSAPublicKey | Ed25519PublicKey

    def sign(self, data: bytes) -> bytes:
        """Return the signature of RS256 (RFC 7518) or EdDSA (RFC 8037) over `data`."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, _PADDING, _DIGEST)
        return self.private.sign(data)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise ValueError unless this key signed `data`."""
        try:
            if isinstance(self.public, RSAPublicKey):
                self.public.verify(signature, data, _PADDING, _DIGEST)
            else:
                self.public.verify(signature, data)
        except InvalidSignature as error:
            raise ValueError("wrong signature") from error


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in force: the signing key of each use, and the verifying keys by use and header."""

    signing: Mapping[str, Key]
    verifying: Mapping[str, Mapping[str, Key]]


@dataclass(slots=True)
class _Loaded:
    path: str
    stamp: tuple[int, int, int]
    ring: KeyRing
    looked_at: float  # monotonic seconds


_PADDING, _DIGEST = PKCS1v15(), SHA256()
encode_json = json.JSONEncoder(separators=(",", ":")).encode  # of headers and claims alike
_loaded: _Loaded | None = None
_loading = threading.Lock()


def ring() -> KeyRing:
    """Return the key ring in force; raises `KeyRingMissing`."""
    global _loaded  # noqa: PLW0603  (one ring a process)
    path = str(settings.SIGNING_KEYS_FILE)
    loaded = _loaded
    if loaded and loaded.path == path and time.monotonic() - loaded.looked_at < _LOOK_SECONDS:
        return loaded.ring
    with _loading:
        _loaded = _look(path, _loaded)
        return _loaded.ring


def forget_ring() -> None:
    """Make the next use read the file, without waiting for the second to pass."""
    global _loaded  # noqa: PLW0603
    _loaded = None


def _look(path: str, known: _Loaded | None) -> _Loaded:
    """Read the file if it has changed; while it is unreadable, the last good ring stays."""
    now = time.monotonic()
    known = known if known and known.path == path else None
    try:
        status = Path(path).stat()
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if known and known.stamp == stamp:
            known.looked_at = now
            return known
        return _Loaded(path, stamp, parse(Path(path).read_text()), now)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if known is None:
            hint = "make it with `manage.py keys init`"
            raise KeyRingMissing(f"SIGNING_KEYS_FILE {path}: {error!r}; {hint}") from error
        log.error("key ring unreadable, the last one stays", extra={"error": repr(error)})
        known.looked_at = now
        return known


def parse(text: str) -> KeyRing:
    """Return the ring written as `text` (kernel/signing/keyring_file.py).

    Raises ValueError or KeyError.
    """
    uses = json.loads(text)["uses"]
    signing: dict[str, Key] = {}
    verifying: dict[str, dict[str, Key]] = {}
    for use in USES:
        pair = [_parse_key(use, entry) for entry in uses[use]]
        if not 1 <= len(pair) <= 2:
            raise ValueError(f"{use} must have a current key and at most one previous")
        signing[use] = pair[0]
        verifying[use] = {key.header: key for key in pair}
    return KeyRing(signing, verifying)


def _parse_key(use: Use, entry: Mapping[str, str]) -> Key:
    private = load_pem_private_key(entry["private"].encode(), password=None)
    wanted = RSAPrivateKey if ALGORITHMS[use] == "RS256" else Ed25519PrivateKey
    if not isinstance(private, wanted):
        raise ValueError(f"{use} needs an {ALGORITHMS[use]} key")
    header = {"alg": ALGORITHMS[use], "kid": entry["kid"], "typ": "JWT"}
    encoded = base64url.encode(encode_json(header).encode())
    return Key(entry["kid"], encoded, private, private.public_key())
