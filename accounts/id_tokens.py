"""ID tokens of the sign-in provider: who came, judged by signature, issuer, audience and nonce.

OpenID Connect Core 1.0, 3.1.3.7. It lets a client skip the signature of a token that came from the
provider by TLS; we don't, as a key costs little (it is kept) and a proxy in between may see all.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jwt

from accounts.oidc_calls import SignInFailed

# Signed by a key pair. HMAC by our client secret is left out: who knows the secret makes them.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
LONGEST_SUBJECT = 191  # the column's
_LEEWAY_SECONDS = 60
_DEMANDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]


class PublishedKeys(Protocol):
    """Where the provider's public keys are found (JWK)."""

    def __call__(self, *, renewed: bool) -> Sequence[Any]:
        """Return them; `renewed`: as they are now."""
        ...


def claims_of(
    id_token: Any, *, issuer: str, client_id: str, nonce: str, keys: PublishedKeys
) -> Mapping[str, Any]:
    """Return the claims of an ID token that is good. Raises `SignInFailed`."""
    if not isinstance(id_token, str) or not nonce:
        raise SignInFailed("failed", "no ID token")
    try:
        header = jwt.get_unverified_header(id_token)
        algorithm = str(header.get("alg"))
        if algorithm not in ALGORITHMS:
            raise SignInFailed("failed", "ID token: its algorithm")
        key = _key(keys, header.get("kid"), algorithm)
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": _DEMANDED},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SignInFailed("failed", f"ID token: {type(error).__name__}") from None
    _check_rest(claims, client_id=client_id, nonce=nonce)
    return claims


def _check_rest(claims: Mapping[str, Any], *, client_id: str, nonce: str) -> None:
    """Check what the library doesn't: for whom it was made, at which start, whom it names."""
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != client_id:
        raise SignInFailed("failed", "ID token: made for another client")
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise SignInFailed("failed", "ID token: the nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise SignInFailed("failed", "ID token: the subject")


def _key(keys: PublishedKeys, name: Any, algorithm: str) -> Any:
    """Return the provider's key of a name, which may have been made since we looked."""
    for renewed in (False, True):
        for one in keys(renewed=renewed):
            if not isinstance(one, dict) or one.get("use", "sig") != "sig":
                continue
            if one.get("alg", algorithm) == algorithm and one.get("kid") == name:
                return jwt.PyJWK.from_dict(one, algorithm=algorithm).key
    raise SignInFailed("failed", "ID token: its key is not the provider's")
