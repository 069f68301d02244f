"""Verify the proof of a sale with the site's public keys alone."""

import json
from base64 import urlsafe_b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verify(document, jwks):
    """Raise ValueError unless the site signed the proof and no check of it failed.

    `document` is /api/v1/performances/{id}/proof/, `jwks` /.well-known/jwks.json, both parsed.
    """
    header, payload, signature = document["jws"].split(".")
    kid = json.loads(urlsafe_b64decode(header + "=="))["kid"]
    keys = [k for k in jwks["keys"] if k["kid"] == kid and k["frontrow_use"] == "proof"]
    if not keys:
        raise ValueError("signed by no key of this site")
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(keys[0]["x"] + "="))
    try:
        public.verify(urlsafe_b64decode(signature + "=="), f"{header}.{payload}".encode())
    except InvalidSignature as error:
        raise ValueError("not signed by this site") from error
    shown = {name: value for name, value in document.items() if name != "jws"}
    if json.loads(urlsafe_b64decode(payload + "==")) != shown:
        raise ValueError("not what was signed")
    seats, *counts = document["counts"].values()
    if seats != sum(counts) or not all(one["passed"] for one in document["checks"]):
        raise ValueError("a check failed")
