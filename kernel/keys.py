"""Signing keys: one ring a site, one pair of keys (current and previous) a use.

Note [Signing keys]
A token says which key signed it (`kid`), never which algorithm is to be believed: the use fixes
that. A key of one use never verifies a token of another. Rotation makes the current key the
previous one, which still verifies, and drops the one before; so rotate no faster than twice the
life of the longest-lived token of that use. The ring is a file of mode 0600 that every process
reads anew when it changes, within a second.

Note [Known tokens]
Checking a signature is most of the price of a poll, and a fan polls with the same two tokens
again and again. So each process remembers, by digest, the claims of tokens whose signature it has
found good under the ring in force: a bounded number of them, and good ones only, so that nobody
can fill the memory with forgeries. A new ring forgets them all. Whether a token has expired is
judged each time, and whether its session was ended is asked elsewhere, each time too.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

log = logging.getLogger(__name__)

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
    """One parsed key pair."""

    kid: str
    private: RSAPrivateKey | Ed25519PrivateKey
    public: RSAPublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in force: a signing key a use, and those that verify, by use and kid."""

    signing: Mapping[str, Key]
    verifying: Mapping[str, Mapping[str, Key]]


@dataclass(slots=True)
class _Loaded:
    path: str
    stamp: tuple[int, int, int]
    ring: KeyRing
    looked_at: float  # monotonic seconds


class _KnownTokens:
    """Claims by digest, of tokens found good under one ring (Note [Known tokens]).

    Two generations instead of a list in order of use: what was asked for since the last change of
    generation survives the next one, and no lock is needed.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._young: dict[bytes, dict[str, Any]] = {}
        self._old: dict[bytes, dict[str, Any]] = {}

    def get(self, digest: bytes) -> dict[str, Any] | None:
        claims = self._young.get(digest)
        if claims is None:
            claims = self._old.get(digest)
            if claims is not None:
                self.put(digest, claims)
        return claims

    def put(self, digest: bytes, claims: dict[str, Any]) -> None:
        if len(self._young) >= _KNOWN_TOKENS:
            self._old, self._young = self._young, {}
        self._young[digest] = claims


_known: _KnownTokens | None = None
_loaded: _Loaded | None = None
_loading = threading.Lock()


def sign_jwt(use: Use, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS over `claims` and `iss`, signed by the current key of `use`.

    `claims` must hold `aud` and `exp` (whole seconds), or nobody will accept it.
    """
    key = ring().signing[use]
    payload = {"iss": settings.TOKEN_ISSUER, **claims}
    return jwt.encode(payload, key.private, algorithm=ALGORITHMS[use], headers={"kid": key.kid})


def verify_jwt(use: Use, token: str, *, audience: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a token signed for `use` and meant for `audience`.

    Raises `TokenExpired` for one that was valid before `now`, `TokenInvalid` for any other.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenInvalid("too long")
    try:
        claims = _signed_claims(use, token, audience)
    except (jwt.PyJWTError, UnicodeError, RecursionError) as error:
        raise TokenInvalid(str(error)) from error
    expires = claims["exp"]
    if not isinstance(expires, int):
        raise TokenInvalid("exp is not a whole number")
    if expires <= now.timestamp():
        raise TokenExpired("expired")
    return dict(claims)


def _signed_claims(use: Use, token: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token whose signature, issuer and audience are right."""
    global _known  # noqa: PLW0603  (one memory a process)
    now_in_force, known = ring(), _known
    if known is None or known.ring is not now_in_force:
        known = _known = _KnownTokens(now_in_force)
    meant_for = f"{use} {audience} {settings.TOKEN_ISSUER} "
    digest = sha256((meant_for + token).encode()).digest()
    claims = known.get(digest)
    if claims is None:
        key = now_in_force.verifying[use].get(_kid_of(token.partition(".")[0]))
        if key is None:
            raise TokenInvalid("unknown key")
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHMS[use]],
            audience=audience,
            issuer=settings.TOKEN_ISSUER,
            # The clock is the caller's.
            options={
                "require": ["iss", "aud", "exp"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        known.put(digest, claims)
    return claims


@lru_cache(maxsize=64)
def _kid_of(header: str) -> str:
    """Return the `kid` of an encoded JOSE header; every token of a key has the same header.

    Only finds the key: PyJWT reads and judges the header again. Parsing it each time as well
    would double the price of a verification. Raises jwt.DecodeError.
    """
    kid = jwt.get_unverified_header(f"{header}.e30.").get("kid")
    return kid if isinstance(kid, str) else ""


def sign_bytes(use: Use, data: bytes) -> tuple[str, bytes]:
    """Return the kid and the 64-byte Ed25519 signature over `data` by the current key of `use`."""
    key = ring().signing[use]
    if not isinstance(key.private, Ed25519PrivateKey):
        raise TypeError(f"keys of {use!r} sign tokens only")
    return key.kid, key.private.sign(data)


def verify_bytes(use: Use, data: bytes, *, kid: str, signature: bytes) -> None:
    """Raise `TokenInvalid` unless the key `kid` of `use` signed `data`."""
    key = ring().verifying[use].get(kid)
    if key is None or not isinstance(key.public, Ed25519PublicKey):
        raise TokenInvalid("unknown key")
    try:
        key.public.verify(signature, data)
    except InvalidSignature as error:
        raise TokenInvalid("wrong signature") from error


def public_jwks() -> dict[str, list[dict[str, Any]]]:
    """Return the JWK set (RFC 7517) of every verifying key; `frontrow_use` names its use."""
    keys = [
        {
            **as_jwk(key.public),
            "kid": key.kid,
            "alg": ALGORITHMS[use],
            "use": "sig",
            "frontrow_use": use,
        }
        for use in USES
        for key in ring().verifying[use].values()
    ]
    return {"keys": keys}


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
    """Return the ring written as `text` (see kernel/keyfile.py); raises ValueError or KeyError."""
    uses = json.loads(text)["uses"]
    signing: dict[str, Key] = {}
    verifying: dict[str, dict[str, Key]] = {}
    for use in USES:
        pair = [_parse_key(use, entry) for entry in uses[use]]
        if not 1 <= len(pair) <= 2:
            raise ValueError(f"{use} must have a current key and at most one previous")
        signing[use] = pair[0]
        verifying[use] = {key.kid: key for key in pair}
    return KeyRing(signing, verifying)


def _parse_key(use: Use, entry: Mapping[str, str]) -> Key:
    private = load_pem_private_key(entry["private"].encode(), password=None)
    wanted = RSAPrivateKey if ALGORITHMS[use] == "RS256" else Ed25519PrivateKey
    if not isinstance(private, wanted):
        raise ValueError(f"{use} needs an {ALGORITHMS[use]} key")
    return Key(entry["kid"], private, private.public_key())


def as_jwk(public: RSAPublicKey | Ed25519PublicKey) -> dict[str, Any]:
    """Return the public members of a key as a JWK (RFC 7517, RFC 8037)."""
    if isinstance(public, RSAPublicKey):
        members = RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(public, as_dict=True)
    members.pop("key_ops", None)
    return dict(members)
