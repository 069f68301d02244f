"""The settings of the test session, which starts servers and passes their URLs."""

import os

# Tools that only import the settings (mypy, drift checks) need no servers.
for _name, _value in {
    "SECRET_KEY": "only-for-tests-" * 4,
    "DATABASE_URL": "postgresql://frontrow@127.0.0.1:1/frontrow",
    "IDEMPOTENCY_DATABASE_URL": "postgresql://frontrow@127.0.0.1:1/idempotency",
    "REDIS_CACHE_URL": "redis://127.0.0.1:1/0",
    "REDIS_LOCK_URL": "redis://127.0.0.1:1/0",
    "REDIS_QUEUE_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
}.items():
    os.environ.setdefault(_name, _value)

from config.settings.base import *
from config.settings.demo import *
from kernel.rate_limiting.rates import TunedRates

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
TEST_FANS_ALLOWED = True
CHECKINS_WAIT_FOR_DOORS = False
WEBHOOKS_TO_LOOPBACK = True
# The product's hash is slow by design; tests make thousands of users.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Tests that are about a limit set their own.
RATE_LIMITS = dict.fromkeys(RATE_LIMITS, "10000000/minute") | {
    name: RATE_LIMITS[name] for name in ("login_account", "login_device")
}
ACCOUNT_RATE_LIMITS = TunedRates({"signup": ""}, fixed=ALLAUTH_COUNTS_NO_LOGINS)
# Tests of the documents have them rendered.
RENDER_DOCUMENTS_AT_START = False
# No static files are collected here.
WHITENOISE_AUTOREFRESH = True
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Tests move the clock by years; those about clocks that are wrong set their own.
QUEUE_CLOCK_SKEW_MS = 20 * 365 * 24 * 3600 * 1000
