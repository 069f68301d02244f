"""A device with passkeys, as a browser's script hands them on: keys, signatures, no page."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
)

HERE = "http://localhost"
# A telephone that unlocks by a finger, as CDP's domain WebAuthn describes it.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
_FLAGS = AuthenticatorData.FLAG
_SEEN = _FLAGS.USER_PRESENT | _FLAGS.USER_VERIFIED


@dataclass
class PasskeyDevice:
    """Makes one key, of the site it believes to be at, and signs challenges by it."""

    origin: str = HERE
    rp_id: str = "localhost"
    key_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> str:
        """Make the key; return what the page's script sends."""
        public = ES256.from_cryptography_key(self.key.public_key())
        made = AttestedCredentialData.create(Aaguid.NONE, self.key_id, public)
        known = AuthenticatorData.create(self._rp_hash, _SEEN | _FLAGS.AT, 0, made)
        return self._sent(
            {
                "clientDataJSON": websafe_encode(self._client_data("webauthn.create", options)),
                "attestationObject": websafe_encode(AttestationObject.create("none", known, {})),
            }
        )

    def get(self, options: dict[str, Any]) -> str:
        """Sign the challenge; return what the page's script sends."""
        known = AuthenticatorData.create(self._rp_hash, _SEEN, 0)
        client_data = self._client_data("webauthn.get", options)
        signed = bytes(known) + hashlib.sha256(client_data).digest()
        return self._sent(
            {
                "clientDataJSON": websafe_encode(client_data),
                "authenticatorData": websafe_encode(known),
                "signature": websafe_encode(self.key.sign(signed, ec.ECDSA(SHA256()))),
            }
        )

    @property
    def _rp_hash(self) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest()

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        challenge = options["publicKey"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _sent(self, response: dict[str, str]) -> str:
        named = websafe_encode(self.key_id)
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": response})
