"""JSON Web Tokens of this site: compact JWS, signed and verified by the key ring.

Note [Exact headers]
Only this site signs its tokens, so the header of a good one is, byte for byte, the one that
`sign_jwt` writes for a key of that use; keys are looked up by it. Nothing in a header is parsed or
believed: no algorithm, no key, no address of one. A token with any other header is not ours.

Note [Known tokens]
Checking a signature costs much of a request, and a fan sends the same login again and again. So
each process keeps, by digest, what was read of tokens whose signature it has verified under the
ring in force: a bounded number of them, and good ones only, so that nobody can fill the memory with
forgeries. A new ring drops them all. Whether a token has expired is judged each time, and whether
its session was ended is checked elsewhere, each time too. What a MAC vouches for is kept beside
them, by the whole token, and is believed only where the MAC would be: a fan who waits shows the
same login at each poll, which then costs a sixth; to keep a new one costs a fifth of checking it.

Note [Two proofs]
A JWT may carry, as its last claim, a MAC of its header and its other claims (Note [MAC tokens] in
mac.py). The signature is for everybody, the MAC for those of our processes that have no time to
check a signature: who asks for `mac_use` takes a right MAC for it, and looks at the signature where
there is none. Both cover all that the token says: a right MAC beside a wrong signature means that
somebody has spoilt the signature of a good token.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from django.conf import settings

from kernel.caching.two_generation import TwoGenerationCache
from kernel.from_settings import from_settings
from kernel.signing.keyring import Key, KeyRing, MacKey, MacUse, Use, encode_json, ring
from kernel.signing.mac import is_mac, write_mac
from kernel.text import base64url

T = TypeVar("T")

MAX_TOKEN_LENGTH = 4096  # characters; ours have under 1,000
_MAC_CLAIM, _END = ',"mac":"', '"}'  # as `encode_json` writes a last claim
_decoded = json.JSONDecoder().decode  # as `json.loads`, which first looks at what it is given
_KNOWN_TOKENS = 8192  # a generation, about 10 MB; there are two


class JwtInvalid(Exception):
    """The token isn't ours: malformed, forged, of another use, audience or issuer."""


class JwtExpired(JwtInvalid):
    """The token was ours until its `exp`."""


_known: tuple[KeyRing, TwoGenerationCache[Any, tuple[int, Any]]] | None = None


def sign_jwt(use: Use, claims: Mapping[str, Any], *, mac_use: MacUse | None = None) -> str:
    """Return a compact JWS over `claims` and `iss`, signed by the current key of `use`.

    `claims` must hold `aud` and `exp` (whole seconds), or no verifier accepts it. With `mac_use`
    the last claim is the MAC by that use's key, if the ring has one (Note [Two proofs]).
    """
    key = ring().signing[use]
    payload = encode_json({"iss": _issuer(), **claims})
    if mac_use and (mac := write_mac(mac_use, f"{key.header}.{payload}")):
        payload = f"{payload[:-1]}{_MAC_CLAIM}{mac}{_END}"
    signed = f"{key.header}.{base64url.encode(payload.encode())}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"


def verify_jwt(use: Use, token: str, *, audience: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a token signed for `use` and meant for `audience`.

    Raises `JwtExpired` for one that was valid before `now`, `JwtInvalid` for any other.
    """
    return dict(read_jwt(use, token, audiences=(audience,), read=_as_they_are, now=now))


def read_jwt(
    use: Use,
    token: str,
    *,
    audiences: tuple[str, ...],
    read: Callable[[dict[str, Any]], T],
    now: datetime,
    mac_use: MacUse | None = None,
) -> T:
    """Return what `read` makes of the claims of a token for one of `audiences`.

    With `mac_use` a right MAC by that use's key replaces the signature (Note [Two proofs]).

    What `read` returns may be remembered (Note [Known tokens]), so it must be a module-level
    function, and nobody may change the result. Raises as `verify_jwt` does; also JwtInvalid where
    `read` raises LookupError, TypeError, ValueError or AttributeError.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise JwtInvalid("too long")
    try:
        in_force = ring()
        found = mac_use and _read_under_mac(mac_use, use, in_force, token, audiences, read)
        expires, value = found or _read_signed(use, in_force, token, audiences, read)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise JwtInvalid(str(error)) from error
    if expires <= now.timestamp():
        raise JwtExpired("expired")
    return value


def _as_they_are(claims: dict[str, Any]) -> dict[str, Any]:
    return claims


def _read_signed(
    use: Use,
    in_force: KeyRing,
    token: str,
    audiences: tuple[str, ...],
    read: Callable[[dict[str, Any]], T],
) -> tuple[int, T]:
    """Return when a signed token expires and what `read` makes of it (Note [Known tokens])."""
    known = _known_under(in_force)
    digest = sha256(token.encode()).digest()
    key = (use, audiences, read, _issuer(), digest)
    found = known.get(key)
    if found is None:
        claims = _proven_claims(in_force.verifying[use], token, audiences)
        found = (claims["exp"], read(claims))
        known.put(key, found)
    return found


def _read_under_mac(
    mac_use: MacUse,
    use: Use,
    in_force: KeyRing,
    token: str,
    audiences: tuple[str, ...],
    read: Callable[[dict[str, Any]], T],
) -> tuple[int, T] | None:
    """Return what `_read_signed` does, of a token with a right MAC; None for every other."""
    mac_keys = in_force.checking.get(mac_use)
    if mac_keys is None:
        return None
    known = _known_under(in_force)
    key = (mac_use, use, audiences, read, _issuer(), token)
    found = known.get(key)
    if found is None:
        claims = _claims_under_mac(mac_keys, in_force.verifying[use], token, audiences)
        if claims is None:
            return None
        found = (claims["exp"], read(claims))
        known.put(key, found)
    return found


def _known_under(in_force: KeyRing) -> TwoGenerationCache[Any, tuple[int, Any]]:
    global _known  # noqa: PLW0603  (one memory a process)
    known = _known
    if known is None or known[0] is not in_force:
        known = _known = (in_force, TwoGenerationCache(_KNOWN_TOKENS))
    return known[1]


def _claims_under_mac(
    mac_keys: Mapping[str, MacKey],
    keys: Mapping[str, Key],
    token: str,
    audiences: tuple[str, ...],
) -> dict[str, Any] | None:
    """Return the claims of a token whose MAC, issuer and audience are right.

    None where there is no right MAC. Raises ValueError where a signature could not help either.
    """
    key, said, signature = _opened(keys, token)
    if not (signature and _has_mac(mac_keys, key.header, said)):
        return None
    return _claims_in(said, audiences)


def _proven_claims(
    keys: Mapping[str, Key], token: str, audiences: tuple[str, ...]
) -> dict[str, Any]:
    """Return the claims of a token whose signature, issuer and audience are right.

    Raises ValueError for every other (Note [Exact headers]).
    """
    key, said, signature = _opened(keys, token)
    key.verify(signature, token.rpartition(".")[0].encode())
    return _claims_in(said, audiences)


def _opened(keys: Mapping[str, Key], token: str) -> tuple[Key, str, bytes]:
    """Return the key that a token names, what it says and its signature: nothing is proven yet.

    Raises ValueError for a token of another form.
    """
    header, payload, signature = token.split(".")
    key = keys.get(header)
    if key is None:
        raise ValueError("not signed by a key of this use")
    return key, base64url.decode(payload).decode(), base64url.decode(signature)


def _claims_in(said: str, audiences: tuple[str, ...]) -> dict[str, Any]:
    """Return the claims that a proven token says; raises ValueError unless they are for us."""
    claims = _decoded(said)
    if not isinstance(claims, dict) or claims.get("iss") != _issuer():
        raise ValueError("of another issuer")
    if claims.get("aud") not in audiences:
        raise ValueError("for another audience")
    if type(claims.get("exp")) is not int:
        raise ValueError("exp is not a whole number")
    return claims


@from_settings
def _issuer() -> str:
    return str(settings.TOKEN_ISSUER)


def _has_mac(keys: Mapping[str, MacKey], header: str, said: str) -> bool:
    """Return whether the last claim is the MAC of the header and the claims before it."""
    # No text in JSON has a bare quotation mark, so the last such mark begins the last claim.
    before, mark, after = said.rpartition(_MAC_CLAIM)
    mac = after.removesuffix(_END)
    return bool(mark) and mac != after and is_mac(keys, mac, f"{header}.{before}}}")
