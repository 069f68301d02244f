"""Secrets of endpoints and the signature of what they get, by Standard Webhooks.

Note [Webhook secrets]
A secret is `whsec_` and 32 random bytes in base64. It has to be read again for each try, so the
table keeps it encrypted under a key that derives from `SECRET_KEY`; its owner sees it once, when it
is made. While it is replaced, webhooks carry a signature by each of the two.
"""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from kernel.signing import encryption
from kernel.signing.standard_webhooks import signature

PREFIX = "whsec_"
_BYTES = 32
_PURPOSE = "webhook secret"


def new_secret() -> str:
    """Return a new secret, to be shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def sealed(secret: str) -> str:
    """Return a secret as the table keeps it."""
    return encryption.encrypt(secret, purpose=_PURPOSE)


def opened(kept: str) -> str:
    """Return the secret that the table keeps; raises `encryption.Unreadable`."""
    return encryption.decrypt(kept, purpose=_PURPOSE)


def signed_headers(
    *, event_id: UUID, at: datetime, body: bytes, secrets_in_force: Iterable[str]
) -> dict[str, str]:
    """Return the three headers of a try at the moment `at`, signed by each secret."""
    moment = str(int(at.timestamp()))
    by_each = [
        signature(_key(secret), event_id=str(event_id), moment=moment, body=body)
        for secret in secrets_in_force
    ]
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(by_each),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))
