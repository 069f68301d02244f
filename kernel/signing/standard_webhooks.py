"""The signature of webhooks by Standard Webhooks (https://www.standardwebhooks.com, spec v1).

`webhook-id` is the same for every delivery of an event; `webhook-timestamp` is the Unix time of
this delivery; `webhook-signature` holds one or more signatures separated by spaces.
"""

import base64
import hmac
from hashlib import sha256


def signature(key: bytes, *, event_id: str, moment: str, body: bytes) -> str:
    """Return `v1,` and the Base64 of HMAC-SHA256 over `<event_id>.<moment>.<body>`.

    The body is signed as it is sent, byte for byte.
    """
    content = b".".join((event_id.encode(), moment.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, content, sha256)).decode()
