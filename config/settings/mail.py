"""The settings of outgoing mail."""

from urllib.parse import unquote, urlsplit

from kernel import env

_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
_url = urlsplit(
    env.url(
        "EMAIL_URL",
        schemes=("smtp", "smtp+tls", "smtps", "console"),
        default="console://",
        secret=True,
        help="smtp+tls://user:password@host:port (STARTTLS), smtps:// (TLS from the start), "
        "smtp:// (in clear: only beside us), or console://.",
    )
)
EMAIL_BACKEND = "kernel.workers.mail.QueuedBackend"
MAIL_DELIVERY_BACKEND = "django.core.mail.backends." + (
    "console.EmailBackend" if _url.scheme == "console" else "smtp.EmailBackend"
)
EMAIL_HOST = _url.hostname or "localhost"
EMAIL_PORT = _url.port or _PORTS.get(_url.scheme, 25)
EMAIL_HOST_USER = unquote(_url.username or "")
EMAIL_HOST_PASSWORD = unquote(_url.password or "")
EMAIL_USE_SSL = _url.scheme == "smtps"
EMAIL_USE_TLS = _url.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.string(
    "DEFAULT_FROM_EMAIL", default="frontrow@localhost", help="The sender of every mail."
)
