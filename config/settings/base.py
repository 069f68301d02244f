"""Settings shared by every environment, gathered from one small file per concern."""

from pathlib import Path

from config.settings.media import *
from kernel import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env.string("SECRET_KEY", secret=True, help="Django's signing secret, 50 characters.")
SECRET_KEY_FALLBACKS = [
    secret
    for secret in env.string(
        "SECRET_KEY_FALLBACKS",
        default="",
        secret=True,
        help="Former SECRET_KEYs, separated by commas: what they encrypted and signed still reads.",
    ).split(",")
    if secret
]
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1"], help="Host names the site answers to."
)
FRONTROW_URL = env.url(
    "FRONTROW_URL",
    schemes=("http", "https"),
    default="http://127.0.0.1:8000",
    help="The public entry, without a trailing slash.",
)
DEBUG = False
# Whether `manage.py fans` may hand out accounts and tokens.
TEST_FANS_ALLOWED = False
# Whether tickets admit no earlier than twelve hours before the doors open, which no demo waits for.
CHECKINS_WAIT_FOR_DOORS = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "kernel",
    "idempotency",
    "events",
    "accounts",
    "concerts",
    "queueing",
    "points",
    "reservations",
    "tickets",
    "payments",
    "catalogue",
    "sale_statistics",
    "notifications",
    "webhooks",
    "personal",
    "demo",
    "proof",
    "storefront",
    "boxoffice",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "kernel.http.middleware.CorrelationMiddleware",
    "kernel.http.middleware.KnownHostsMiddleware",
    "kernel.http.middleware.PrivateResponseMiddleware",
    "kernel.rate_limiting.headers.RateLimitHeadersMiddleware",
    "kernel.http.page_policy.PagePolicyMiddleware",
    "storefront.error_pages.PageMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.page_sessions.SessionMiddleware",
    "kernel.http.languages.LanguageMiddleware",
    "kernel.http.methods.MethodNotAllowedMiddleware",
    "kernel.http.middleware.ExactPathMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.api.bodies.StrictLoginBodyMiddleware",
    "accounts.api.limits.LoginRateLimitMiddleware",
    "accounts.api.device_tokens.DeviceTokenMiddleware",
    "accounts.api.ended.EndedLoginMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.admin_second_factor.SecondFactorMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "storefront.page_facts.of_account_pages",
            ],
            "builtins": ["kernel.templatetags.pages"],
        },
    },
]

# In the session, not in a cookie of their own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
TIME_ZONE = "Asia/Seoul"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "ui" / "dist"]
STORAGES = {
    **STORED,
    "staticfiles": {"BACKEND": "kernel.http.static_storage.HashedStaticFilesStorage"},
}
STATIC_ROOT = Path(
    env.string(
        "STATIC_ROOT",
        default=str(Path("var") / "static"),
        help="Where collectstatic puts the files.",
    )
)
# The gateway, another user, reads what collectstatic makes, whatever the umask.
FILE_UPLOAD_PERMISSIONS = 0o644
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o755
CSRF_FAILURE_VIEW = "storefront.error_pages.csrf_failed"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

from config.settings.api import *
from config.settings.auth import *
from config.settings.celery import *
from config.settings.database import *
from config.settings.events import *
from config.settings.labels import *
from config.settings.limits import *
from config.settings.logging import *
from config.settings.mail import *
from config.settings.pages import *
from config.settings.payments import *
from config.settings.queueing import *
from config.settings.redis import *
from config.settings.retention import *
from config.settings.schedule import *
from config.settings.sign_in import *
from config.settings.streams import *
from config.settings.telemetry import *
from config.settings.webhooks import *

RETURN_URLS_ALLOWED |= {FRONTROW_URL.lower()}
