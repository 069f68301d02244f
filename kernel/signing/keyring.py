"""Signing keys: one ring a site, one pair of keys (current and previous) a use.

Note [Signing keys]
A token says which key signed it (`kid`), never which algorithm is to be believed: the use fixes
that. A key of one use never verifies a token of another. Rotation makes the current key the
previous one, which still verifies, and drops the one before; so rotate no faster than twice the
life of the longest-lived token of that use. The ring is a file of mode 0600 that every process
reads anew when it changes, within a second.

Note [Exact headers]
Only this site signs its tokens, so the header of a good one is, byte for byte, that which
`sign_jwt` writes for a key of that use; it is looked up as it stands. Nothing in a header is parsed
or believed: no algorithm, no key, no address of one. A token of any other header isn't ours.

Note [Known tokens]
Checking a signature is most of the price of a poll, and a fan polls with the same two tokens
again and again. So each process remembers, by digest, what was read of tokens whose signature it
has found good under the ring in force: a bounded number of them, and good ones only, so that nobody
can fill the memory with forgeries. A new ring forgets them all. Whether a token has expired is
judged each time, and whether its session was ended is asked elsewhere, each time too.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kernel.caching.two_generation import Known
from kernel.text import base64url

log = logging.getLogger(__name__)
T = TypeVar("T")

Use = Literal["access", "queue", "ticket", "proof"]
USES: tuple[Use, ...] = get_args(Use)
ALGORITHMS: dict[Use, str] = {
    "access": "RS256",
    "queue": "EdDSA",
    "ticket": "EdDSA",
    "proof": "EdDSA",
}
MAX_TOKEN_LENGTH = 4096  # characters; ours have under 1,000
_LOOK_SECONDS = 1.0
_KNOWN_TOKENS = 8192  # a generation, about 10 MB; there are two


class KeyRingMissing(ImproperlyConfigured):
    """The key ring file isn't there, can't be read, or isn't a key ring."""


class TokenInvalid(Exception):
    """The token isn't ours: malformed, forged, of another use, audience or issuer."""


class TokenExpired(TokenInvalid):
    """The token was ours until its `exp`."""


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
    """The keys in force: a signing key a use, and those that verify, by use and header."""

    signing: Mapping[str, Key]
    verifying: Mapping[str, Mapping[str, Key]]

    def verifying_by_kid(self, use: Use, kid: str) -> Key | None:
        """Return the key of `use` that is called `kid`, if there is one."""
        return next((key for key in self.verifying[use].values() if key.kid == kid), None)


@dataclass(slots=True)
class _Loaded:
    path: str
    stamp: tuple[int, int, int]
    ring: KeyRing
    looked_at: float  # monotonic seconds


_PADDING, _DIGEST = PKCS1v15(), SHA256()
_encode = json.JSONEncoder(separators=(",", ":")).encode
_known: tuple[KeyRing, Known[Any, tuple[int, Any]]] | None = None
_loaded: _Loaded | None = None
_loading = threading.Lock()


def sign_jwt(use: Use, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS over `claims` and `iss`, signed by the current key of `use`.

    `claims` must hold `aud` and `exp` (whole seconds), or nobody will accept it.
    """
    key = ring().signing[use]
    payload = _encode({"iss": settings.TOKEN_ISSUER, **claims})
    signed = f"{key.header}.{base64url.encode(payload.encode())}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"


def verify_jwt(use: Use, token: str, *, audience: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a token signed for `use` and meant for `audience`.

    Raises `TokenExpired` for one that was valid before `now`, `TokenInvalid` for any other.
    """
    return dict(read_jwt(use, token, audiences=(audience,), read=_as_they_are, now=now))


def read_jwt(
    use: Use,
    token: str,
    *,
    audiences: tuple[str, ...],
    read: Callable[[dict[str, Any]], T],
    now: datetime,
) -> T:
    """Return what `read` makes of the claims of a token for one of `audiences`.

    `read` is asked once a token (Note [Known tokens]) and must be a function of the module's, and
    what it returns must not be changed. Raises as `verify_jwt` does; also TokenInvalid where `read`
    raises LookupError, TypeError, ValueError or AttributeError.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenInvalid("too long")
    try:
        in_force = ring()
        known = _known_under(in_force)
        key = (use, audiences, read, settings.TOKEN_ISSUER, sha256(token.encode()).digest())
        found = known.get(key)
        if found is None:
            claims = _signed_claims(in_force.verifying[use], token, audiences)
            found = (claims["exp"], read(claims))
            known.put(key, found)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise TokenInvalid(str(error)) from error
    expires, value = found
    if expires <= now.timestamp():
        raise TokenExpired("expired")
    return cast("T", value)


def _as_they_are(claims: dict[str, Any]) -> dict[str, Any]:
    return claims


def _known_under(in_force: KeyRing) -> Known[Any, tuple[int, Any]]:
    global _known  # noqa: PLW0603  (one memory a process)
    known = _known
    if known is None or known[0] is not in_force:
        known = _known = (in_force, Known(_KNOWN_TOKENS))
    return known[1]


def _signed_claims(
    keys: Mapping[str, Key], token: str, audiences: tuple[str, ...]
) -> dict[str, Any]:
    """Return the claims of a token whose signature, issuer and audience are right.

    Raises ValueError for every other (Note [Exact headers]).
    """
    header, payload, signature = token.split(".")
    key = keys.get(header)
    if key is None:
        raise ValueError("not signed by a key of this use")
    key.verify(base64url.decode(signature), f"{header}.{payload}".encode())
    claims = json.loads(base64url.decode(payload))
    if not isinstance(claims, dict) or claims.get("iss") != settings.TOKEN_ISSUER:
        raise ValueError("of another issuer")
    if claims.get("aud") not in audiences:
        raise ValueError("for another audience")
    if type(claims.get("exp")) is not int:
        raise ValueError("exp is not a whole number")
    return claims


def sign_bytes(use: Use, data: bytes) -> tuple[str, bytes]:
    """Return the kid and the 64-byte Ed25519 signature over `data` by the current key of `use`."""
    key = ring().signing[use]
    if not isinstance(key.private, Ed25519PrivateKey):
        raise TypeError(f"keys of {use!r} sign tokens only")
    return key.kid, key.sign(data)


def verify_bytes(use: Use, data: bytes, *, kid: str, signature: bytes) -> None:
    """Raise `TokenInvalid` unless the key `kid` of `use` signed `data`."""
    key = ring().verifying_by_kid(use, kid)
    if key is None or not isinstance(key.public, Ed25519PublicKey):
        raise TokenInvalid("unknown key")
    try:
        key.verify(signature, data)
    except ValueError as error:
        raise TokenInvalid(str(error)) from error


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


def forget() -> None:
    """Make the next use read the file anew, without waiting for the second to pass."""
    global _loaded  # noqa: PLW0603
    _loaded = None


def _look(path: str, known: _Loaded | None) -> _Loaded:
    """Read the file if it changed; a file that went bad leaves the last good ring in force."""
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
    encoded = base64url.encode(_encode(header).encode())
    return Key(entry["kid"], encoded, private, private.public_key())
