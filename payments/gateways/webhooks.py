"""The check of webhooks from the gateway, which signs them by Standard Webhooks.

The key is the secret's text as it stands. While a secret is replaced, both are accepted.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from kernel.signing.standard_webhooks import signature
from payments.gateways.gateway import BadWebhook

TOLERANCE_SECONDS = 300
LONGEST_BODY = 256 * 1024
_LONGEST_SIGNATURES = 1000
_ID = re.compile(r"[\x21-\x7e]{1,100}")
_TIME = re.compile(r"[0-9]{1,12}")


def verify(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime
) -> str:
    """Return the id of the event; names of `headers` are lower case.

    Raises BadWebhook for a body that none of `secrets` signed, or that was signed more than
    `TOLERANCE_SECONDS` from `now`, so that a delivery that somebody recorded is of no use later.
    """
    event_id, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(event_id) or not _TIME.fullmatch(moment):
        raise BadWebhook("no id or no time")
    if len(body) > LONGEST_BODY:
        raise BadWebhook("too long")
    signatures = (
        headers.get("webhook-signature", "")[:_LONGEST_SIGNATURES]
        .encode("utf-8", "surrogateescape")
        .split()
    )
    # Made once a secret: anybody may send a long body with hundreds of signatures.
    rights = [
        signature(secret.encode(), event_id=event_id, moment=moment, body=body).encode()
        for secret in secrets
        if secret
    ]
    # Every pair is compared, whichever is right.
    matches = [hmac.compare_digest(given, right) for right in rights for given in signatures]
    if not any(matches):
        raise BadWebhook("no signature of ours")
    if abs(now.timestamp() - int(moment)) > TOLERANCE_SECONDS:
        raise BadWebhook("too old, or of the future")
    return event_id
