"""The signature of webhooks costs no more to refuse than to accept."""

import hmac
from datetime import UTC, datetime

import pytest

from payments.gateways import webhooks
from payments.gateways.gateway import BadWebhook


def test_a_long_body_with_many_signatures_is_hashed_once_a_secret(monkeypatch):
    keys, digest = [], hmac.digest

    def counted(key, message, algorithm):
        keys.append(key)
        return digest(key, message, algorithm)

    monkeypatch.setattr(hmac, "digest", counted)
    now = datetime(2026, 11, 26, tzinfo=UTC)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "a " * 500,
    }
    with pytest.raises(BadWebhook):
        webhooks.verify(headers, b"x" * 200_000, secrets=("one", "two"), now=now)
    assert keys == [b"one", b"two"]
