"""The key ring of the site: one pair of keys (current and previous) a use.

Note [Signing keys]
A token says which key signed it (`kid`), never by which algorithm: the use fixes that. A key of one
use never verifies a token of another. Rotation makes the current key the previous one, which still
verifies, and drops the one before; so rotate no faster than twice the life of the longest-lived
token of that use.
The ring is a file of mode 0600, or a mounted secret (file_access.py); when it changes, every
process reads it again within a second. Until all have, none may sign with what another can't
verify: a new key verifies at once and signs later, from its `signs_at` on.

Most uses sign by a key pair. Those of `MAC_USES` have a secret instead, for tokens that nobody but
us reads (Note [MAC tokens] in mac.py). They are younger than the file: a ring without them is good,
and its processes go on signing what those of the release before can read. `manage.py keys upgrade`
adds them, and so is the switch.
"""

import json
import logging
import math
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kernel.from_settings import from_settings
from kernel.text import base64url

log = logging.getLogger(__name__)

Use = Literal["access", "queue", "ticket", "proof"]
USES: tuple[Use, ...] = get_args(Use)
PUBLIC_USES: tuple[Use, ...] = ("access", "ticket", "proof")  # which others verify
MacUse = Literal["place", "login"]
MAC_USES: tuple[MacUse, ...] = get_args(MacUse)
AnyUse = Use | MacUse
ALGORITHMS: dict[AnyUse, str] = {
    "access": "RS256",
    "queue": "EdDSA",
    "ticket": "EdDSA",
    "proof": "EdDSA",
    "place": "BLAKE2b",
    "login": "BLAKE2b",
}
MAC_SECRET_BYTES = 32
_MAC_BYTES = 16
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
class MacKey:
    """One secret: who has it can write the tokens of its use, so it is never shown."""

    kid: str
    secret: bytes = field(repr=False)

    def mac(self, data: bytes) -> bytes:
        """Return the keyed BLAKE2b (RFC 7693) of `data`, 16 bytes."""
        return blake2b(data, key=self.secret, digest_size=_MAC_BYTES).digest()

    def begun(self, data: bytes) -> blake2b:
        """Return the hash of a MAC whose data begin with these."""
        return blake2b(data, key=self.secret, digest_size=_MAC_BYTES)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in force.

    The signing key of each use, and the verifying keys by use and header; the secret that writes
    tokens of a use, and those that check them by use and kid, of the uses that the ring has. From
    `changes_at` (seconds of the epoch) on another key signs: see `keyring_file.rotate`.
    """

    signing: Mapping[str, Key]
    verifying: Mapping[str, Mapping[str, Key]]
    writing: Mapping[str, MacKey]
    checking: Mapping[str, Mapping[str, MacKey]]
    changes_at: float = math.inf


@dataclass(slots=True)
class _Loaded:
    path: str
    stamp: tuple[int, int, int]
    ring: KeyRing
    looked_at: float  # monotonic seconds


_PADDING, _DIGEST = PKCS1v15(), SHA256()
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
encode_json = json.JSONEncoder(separators=(",", ":")).encode  # of headers and claims alike
_loaded: _Loaded | None = None
_loading = threading.Lock()


def ring() -> KeyRing:
    """Return the key ring in force; raises `KeyRingMissing`."""
    global _loaded  # noqa: PLW0603  (one ring a process)
    path = _ring_file()
    loaded = _loaded
    if loaded and loaded.path == path and time.monotonic() - loaded.looked_at < _LOOK_SECONDS:
        return loaded.ring
    with _loading:
        _loaded = _look(path, _loaded)
        return _loaded.ring


@from_settings
def _ring_file() -> str:
    return str(settings.SIGNING_KEYS_FILE)


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
        if known and known.stamp == stamp and time.time() < known.ring.changes_at:
            known.looked_at = now
            return known
        loaded = _Loaded(path, stamp, read(Path(path)), now)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if known is None:
            hint = "make it with `manage.py keys init`"
            raise KeyRingMissing(f"SIGNING_KEYS_FILE {path}: {error!r}; {hint}") from error
        log.error("key ring unreadable, the last one stays", extra={"error": repr(error)})
        known.looked_at = now
        return known
    if lacking := [use for use in MAC_USES if use not in loaded.ring.writing]:
        log.warning("keys lacking, see `manage.py keys upgrade`", extra={"uses": lacking})
    return loaded


def read(path: Path) -> KeyRing:
    """Return the ring in the file; raises OSError, ValueError, KeyError or TypeError.

    No error quotes what is in the file.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    return parse(text)


def parse(text: str) -> KeyRing:
    """Return the ring written as `text` (kernel/signing/keyring_file.py).

    Raises ValueError, KeyError or TypeError.
    """
    uses = json.loads(text)["uses"]
    pairs = {use: _pair_of(uses, use) for use in (*USES, *MAC_USES) if use in uses or use in USES}
    now = time.time()
    signers = {use: _signer(pair, now) for use, pair in pairs.items()}
    signing: dict[str, Key] = {}
    verifying: dict[str, dict[str, Key]] = {}
    for use in USES:
        pair = [_parse_key(use, entry) for entry in pairs[use]]
        signing[use] = pair[signers[use]]
        verifying[use] = {key.header: key for key in pair}
    writing: dict[str, MacKey] = {}
    checking: dict[str, dict[str, MacKey]] = {}
    for mac_use in MAC_USES:
        if mac_use in pairs:
            secrets = [_parse_secret(mac_use, entry) for entry in pairs[mac_use]]
            writing[mac_use] = secrets[signers[mac_use]]
            checking[mac_use] = {key.kid: key for key in secrets}
    later = [at for pair in pairs.values() if (at := _signs_at(pair)) > now]
    return KeyRing(signing, verifying, writing, checking, min(later, default=math.inf))


def _signer(pair: Sequence[Mapping[str, Any]], now: float) -> int:
    """Return which of a pair signs: the current key, once every process has read it."""
    return int(len(pair) > 1 and _signs_at(pair) > now)


def _signs_at(pair: Sequence[Mapping[str, Any]]) -> float:
    at = pair[0].get("signs_at", 0.0)
    if not isinstance(at, int | float):
        raise ValueError("signs_at must be seconds of the epoch")
    return at


def _pair_of(uses: Mapping[str, Any], use: str) -> list[Mapping[str, Any]]:
    pair = uses[use]
    if not isinstance(pair, list) or not 1 <= len(pair) <= 2:
        raise ValueError(f"{use} must have a current key and at most one previous")
    return pair


def _parse_secret(use: MacUse, entry: Mapping[str, str]) -> MacKey:
    kid = entry["kid"]
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise ValueError(f"{use} needs a kid of letters, digits, - and _")
    try:
        secret = base64url.decode(_bytes_of(entry["secret"]).decode())
    except ValueError:
        secret = b""
    if len(secret) != MAC_SECRET_BYTES:
        raise ValueError(f"{use} needs a secret of {MAC_SECRET_BYTES} bytes in base64url")
    return MacKey(kid, secret)


def _bytes_of(text: object) -> bytes:
    """Return the bytes of a member; an error of `encode` would quote it."""
    if not isinstance(text, str):
        raise ValueError("a key must be text")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a key must be text") from None


def _parse_key(use: Use, entry: Mapping[str, str]) -> Key:
    private = load_pem_private_key(_bytes_of(entry["private"]), password=None)
    wanted = RSAPrivateKey if ALGORITHMS[use] == "RS256" else Ed25519PrivateKey
    if not isinstance(private, wanted):
        raise ValueError(f"{use} needs an {ALGORITHMS[use]} key")
    header = {"alg": ALGORITHMS[use], "kid": entry["kid"], "typ": "JWT"}
    encoded = base64url.encode(encode_json(header).encode())
    return Key(entry["kid"], encoded, private, private.public_key())
