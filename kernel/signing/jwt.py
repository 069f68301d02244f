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
its session was ended is checked elsewhere, each time too.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar, cast

from django.conf import settings

from kernel.caching.two_generation import TwoGenerationCache
from kernel.signing.keyring import Key, KeyRing, Use, encode_json, ring
from kernel.text import base64url

T = TypeVar("T")

MAX_TOKEN_LENGTH = 4096  # characters; ours have under 1,000
_KNOWN_TOKENS = 8192  # a generation, about 10 MB; there are two


class JwtInvalid(Exception):
    """The token isn't ours: malformed, forged, of another use, audience or issuer."""


class JwtExpired(JwtInvalid):
    """The token was ours until its `exp`."""


_known: tuple[KeyRing, TwoGenerationCache[Any, tuple[int, Any]]] | None = None


def sign_jwt(use: Use, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS over `claims` and `iss`, signed by the current key of `use`.

    `claims` must hold `aud` and `exp` (whole seconds), or no verifier accepts it.
    """
    key = ring().signing[use]
    payload = encode_json({"iss": settings.TOKEN_ISSUER, **claims})
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
) -> T:
    """Return what `read` makes of the claims of a token for one of `audiences`.

    `read` is called once a token (Note [Known tokens]), so it must be a module-level function, and
    nobody may change what it returns. Raises as `verify_jwt` does; also JwtInvalid where `read`
    raises LookupError, TypeError, ValueError or AttributeError.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise JwtInvalid("too long")
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
        raise JwtInvalid(str(error)) from error
    expires, value = found
    if expires <= now.timestamp():
        raise JwtExpired("expired")
    return cast("T", value)


def _as_they_are(claims: dict[str, Any]) -> dict[str, Any]:
    return claims


def _known_under(in_force: KeyRing) -> TwoGenerationCache[Any, tuple[int, Any]]:
    global _known  # noqa: PLW0603  (one memory a process)
    known = _known
    if known is None or known[0] is not in_force:
        known = _known = (in_force, TwoGenerationCache(_KNOWN_TOKENS))
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
