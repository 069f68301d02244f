"""An environment that production settings accept."""

import os
import secrets
from pathlib import Path

from tests.support.signing import make_ring

_REDIS = ("REDIS_CACHE_URL", "REDIS_LOCK_URL", "REDIS_QUEUE_URL", "CELERY_BROKER_URL")


def environment(folder: Path, **changes: str | None) -> dict[str, str]:
    """Return the variables of a production process without servers; None leaves one out."""
    key_file = folder / "signing-keys.json"
    make_ring(key_file)
    wanted = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEYS_FILE": str(key_file),
        "FRONTROW_URL": "https://tickets.example",
        "STOREFRONT_URL": "https://tickets.example",
        "ALLOWED_HOSTS": "tickets.example",
        "OPS_TOKEN": secrets.token_urlsafe(24),
        "DEFAULT_FROM_EMAIL": "tickets@tickets.example",
        "EMAIL_URL": "smtp+tls://frontrow:pw@mail.example:587",
        "TOKEN_ISSUER": "https://tickets.example",
        "TRUSTED_PROXY_COUNT": "1",
        "STATIC_ROOT": str(folder / "static"),
        "DATABASE_URL": "postgresql://frontrow:pw@127.0.0.1:1/frontrow",
        "IDEMPOTENCY_DATABASE_URL": "postgresql://frontrow:pw@127.0.0.1:1/idempotency",
        **dict.fromkeys(_REDIS, "redis://127.0.0.1:1/0"),
        "REPLICA_URL": "",
        "KAFKA_TOPIC_REPLICATION": "3",
        "KAFKA_TOPIC_MIN_INSYNC": "2",
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
    }
    return {name: value for name, value in (wanted | changes).items() if value is not None}
