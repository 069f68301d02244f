"""The public keys as a JSON Web Key set, for everybody who verifies our signatures."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from kernel.signing import keyring


def public_jwks() -> dict[str, list[dict[str, Any]]]:
    """Return the JWK set (RFC 7517) of the keys of `PUBLIC_USES`; `frontrow_use` names the use."""
    members = [
        {
            **as_jwk(key.public),
            "kid": key.kid,
            "alg": keyring.ALGORITHMS[use],
            "use": "sig",
            "frontrow_use": use,
        }
        for use in keyring.PUBLIC_USES
        for key in keyring.ring().verifying[use].values()
    ]
    return {"keys": members}


def as_jwk(public: RSAPublicKey | Ed25519PublicKey) -> dict[str, Any]:
    """Return the public members of a key as a JWK (RFC 7517, RFC 8037)."""
    if isinstance(public, RSAPublicKey):
        members = RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(public, as_dict=True)
    members.pop("key_ops", None)
    return dict(members)
