"""The settings of production, which refuse demo secrets and missing protections."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *
from kernel import backends
from kernel.signing import file_access, keyring


def _demand(met: bool, sentence: str) -> None:
    if not met:
        raise ImproperlyConfigured(sentence)


_demand(
    len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= 16 and "only-for-tests" not in SECRET_KEY,
    "SECRET_KEY must be a random secret of at least 50 characters, of this site alone.",
)
for _name, _url in {"FRONTROW_URL": FRONTROW_URL, "STOREFRONT_URL": STOREFRONT_URL}.items():
    _demand(_url.startswith("https://"), f"{_name} must be https in production.")
_demand(
    not MEDIA_ORIGINS or MEDIA_URL.startswith("https://"),
    "MEDIA_URL must be https in production.",
)
_demand(len(OPS_TOKEN) >= 16, "OPS_TOKEN must be a secret of at least 16 characters.")
_demand(
    MAIL_DELIVERY_BACKEND == "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_URL must be smtp+tls://, smtps:// or smtp://: fans confirm their addresses by mail.",
)
_demand(
    (KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM) != ("SASL_PLAINTEXT", "PLAIN"),
    "KAFKA_SASL_MECHANISM PLAIN shows the password to everybody on the way: it needs SASL_SSL.",
)
_demand(
    TRUSTED_PROXY_COUNT >= 1,
    "TRUSTED_PROXY_COUNT must say how many proxies of ours stand in front (the gateway is one): "
    "they end TLS and say who asks.",
)
_demand(PAYMENT_GATEWAY != "sandbox", "PAYMENT_GATEWAY must not be the sandbox: it moves no money.")
if PAYMENT_GATEWAY != "none":
    _demand(
        PAYMENT_GATEWAY_URL.startswith("https://"),
        "PAYMENT_GATEWAY_URL must be https.",
    )
    # Toss names its keys: test_sk_ and test_gsk_ move no money, live_ ones do.
    for _name, _key in {
        "PAYMENT_GATEWAY_SECRET": PAYMENT_GATEWAY_SECRET,
        "PAYMENT_GATEWAY_CLIENT_KEY": PAYMENT_GATEWAY_CLIENT_KEY,
    }.items():
        _demand(_key.startswith("live_"), f"{_name} must be a live key (live_...) in production.")
    for _secret in PAYMENT_WEBHOOK_SECRETS:
        _demand(
            len(_secret) >= 24 and len(set(_secret)) >= 12,
            "PAYMENT_WEBHOOK_SECRETS must be random secrets of at least 24 characters.",
        )
# See Note [Backends in production].
_NAMES = {"default": "DATABASE_URL", "replica": "REPLICA_URL"}
_objections = {
    _NAMES.get(alias, f"{alias.upper()}_DATABASE_URL"): backends.database_objection(database)
    for alias, database in DATABASES.items()
} | {
    "REDIS_CACHE_URL": backends.redis_objection(CACHES["default"]["LOCATION"]),
    "REDIS_LOCK_URL": backends.redis_objection(CACHES["lock"]["LOCATION"]),
    "REDIS_QUEUE_URL": backends.redis_objection(CACHES["queue"]["LOCATION"]),
    "CELERY_BROKER_URL": backends.redis_objection(CELERY_BROKER_URL),
    "KAFKA_BOOTSTRAP_SERVERS": backends.kafka_objection(
        KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL
    ),
    "EMAIL_URL": backends.mail_objection(
        EMAIL_HOST, encrypted=EMAIL_USE_TLS or EMAIL_USE_SSL, password=EMAIL_HOST_PASSWORD
    ),
    "CHALLENGE_SERVICE_URL": backends.web_objection(CHALLENGE_SERVICE_URL),
    "PAYMENT_GATEWAY_URL": backends.web_objection(PAYMENT_GATEWAY_URL),
    "AWS_ENDPOINT_URL": backends.web_objection(os.environ.get("AWS_ENDPOINT_URL", "")),
    "OIDC_SERVER_URL": backends.web_objection(OIDC_PROVIDER["server_url"]) if OIDC_PROVIDER else "",
}
for _name, _objection in _objections.items():
    _demand(not _objection, f"{_name} leads {_objection}.")
_demand(
    not KAFKA_BOOTSTRAP_SERVERS or (KAFKA_TOPIC_REPLICATION >= 3 and KAFKA_TOPIC_MIN_INSYNC >= 2),
    "KAFKA_TOPIC_REPLICATION must be at least 3 and KAFKA_TOPIC_MIN_INSYNC at least 2: the loss of "
    "one broker must lose no event.",
)
_demand("*" not in ALLOWED_HOSTS, "ALLOWED_HOSTS must name this site's hosts.")
if sys.argv[1:2] != ["keys"]:  # which makes the file
    _keys = Path(SIGNING_KEYS_FILE)
    _demand(
        _keys.is_file(), f"SIGNING_KEYS_FILE {_keys} must exist: make it by `manage.py keys init`."
    )
    _objection = file_access.objection(_keys.stat(), file_access.own_groups())
    _demand(not _objection, f"SIGNING_KEYS_FILE {_keys} {_objection}.")
    try:
        keyring.read(_keys)
    except (OSError, ValueError, KeyError, TypeError) as _error:
        raise ImproperlyConfigured(f"SIGNING_KEYS_FILE {_keys}: {_error!r}") from None

# Cookies of this host alone: no other host of the same domain can set or read one.
SESSION_COOKIE_NAME = "__Host-sessionid"
FAN_SESSION_COOKIE_NAME = "__Host-fan_session"
LOGIN_COOKIE_NAME = "__Host-fr_login"
STAFF_LOGIN_COOKIE_NAME = "__Host-fr_staff_login"
CSRF_COOKIE_NAME = "__Host-csrftoken"
LANGUAGE_COOKIE_NAME = "__Host-language"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
DEVICE_COOKIE_NAME = "__Host-device"
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# W021 asks for `preload`. Browsers keep such a domain for years, with all that its owner has below
# it: nothing that a program may ask for in the owner's place.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
# Probes and scrapes come from inside, without TLS (Note [Probes by address]).
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
# An e-mail address counts once its mail has been read.
SIGN_UP_CONFIRMED_BY_MAIL = True
STAFF_SECOND_FACTOR_REQUIRED = True
OPS_TOKEN_REQUIRED = True
CSRF_TRUSTED_ORIGINS = [FRONTROW_URL]
