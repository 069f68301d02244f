"""Production: refuses to boot on demo secrets or without its protections."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *

CHARGES_APPROVE_THEMSELVES = False

if len(SECRET_KEY) < 50 or "demo" in SECRET_KEY or "test" in SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY must be a long random secret of this site alone.")
if not FRONTROW_URL.startswith("https://"):
    raise ImproperlyConfigured("FRONTROW_URL must be https in production.")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
# Probes and scrapes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
OPS_TOKEN_REQUIRED = True
CSRF_TRUSTED_ORIGINS = [FRONTROW_URL]
