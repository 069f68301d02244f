"""Production: refuses to boot on demo secrets or without its protections."""

import stat
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *
from kernel import keys

CHARGES_APPROVE_THEMSELVES = False


def _demand(met: bool, sentence: str) -> None:
    if not met:
        raise ImproperlyConfigured(sentence)


_demand(
    len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= 16 and "only-for-tests" not in SECRET_KEY,
    "SECRET_KEY must be a random secret of at least 50 characters, of this site alone.",
)
for _name, _url in {"FRONTROW_URL": FRONTROW_URL, "STOREFRONT_URL": STOREFRONT_URL}.items():
    _demand(_url.startswith("https://"), f"{_name} must be https in production.")
_demand(len(OPS_TOKEN) >= 16, "OPS_TOKEN must be a secret of at least 16 characters.")
_demand(
    MAIL_DELIVERY_BACKEND == "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_URL must be smtp+tls://, smtps:// or smtp://: fans confirm their addresses by mail.",
)
_demand(
    (KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM) != ("SASL_PLAINTEXT", "PLAIN"),
    "KAFKA_SASL_MECHANISM PLAIN shows the password to everybody on the way: it needs SASL_SSL.",
)
_demand("*" not in ALLOWED_HOSTS, "ALLOWED_HOSTS must name this site's hosts.")
if sys.argv[1:2] != ["keys"]:  # which makes the file
    _keys = Path(SIGNING_KEYS_FILE)
    _demand(
        _keys.is_file(), f"SIGNING_KEYS_FILE {_keys} must exist: make it by `manage.py keys init`."
    )
    _demand(
        not stat.S_IMODE(_keys.stat().st_mode) & 0o077,
        f"SIGNING_KEYS_FILE {_keys} must be readable by its owner alone (mode 0600).",
    )
    try:
        keys.parse(_keys.read_text())
    except (OSError, ValueError, KeyError, TypeError) as _error:
        raise ImproperlyConfigured(f"SIGNING_KEYS_FILE {_keys}: {_error!r}") from None

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
DEVICE_COOKIE_NAME = "__Host-device"
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
# Probes and scrapes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
# Nobody is who they say until they have read their mail.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
OPS_TOKEN_REQUIRED = True
CSRF_TRUSTED_ORIGINS = [FRONTROW_URL]
