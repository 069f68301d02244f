"""Outgoing mail."""

from urllib.parse import unquote, urlsplit

from kernel import env

_url = urlsplit(
    env.url(
        "EMAIL_URL",
        schemes=("smtp", "smtps", "console"),
        default="console://",
        secret=True,
        help="smtp://user:password@host:port, smtps:// for TLS, or console://.",
    )
)
EMAIL_BACKEND = "kernel.mail.QueuedBackend"
MAIL_DELIVERY_BACKEND = "django.core.mail.backends." + (
    "console.EmailBackend" if _url.scheme == "console" else "smtp.EmailBackend"
)
EMAIL_HOST = _url.hostname or "localhost"
EMAIL_PORT = _url.port or 25
EMAIL_HOST_USER = unquote(_url.username or "")
EMAIL_HOST_PASSWORD = unquote(_url.password or "")
EMAIL_USE_SSL = _url.scheme == "smtps"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.string(
    "DEFAULT_FROM_EMAIL", default="frontrow@localhost", help="The sender of every mail."
)
