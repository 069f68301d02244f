"""People, logins and signing keys."""

from kernel import env

AUTH_USER_MODEL = "accounts.User"
SIGNING_KEYS_FILE = env.string(
    "SIGNING_KEYS_FILE",
    default="var/signing-keys.json",
    help="The key ring (mode 0600); `manage.py keys init` makes it.",
)
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
TOKEN_ISSUER = env.string(
    "TOKEN_ISSUER",
    default="frontrow",
    help="The `iss` of every token; tokens of other issuers are refused.",
)
# Who writes audit entries for apps that lie below `accounts` (see kernel/audit.py).
AUDIT_WRITER = "accounts.operations.record_audit"
ACCESS_TOKEN_SECONDS = env.integer(
    "ACCESS_TOKEN_SECONDS", default=300, minimum=30, maximum=7200, help="Life of an access token."
)
REFRESH_TOKEN_SECONDS = env.integer(
    "REFRESH_TOKEN_SECONDS",
    default=14 * 24 * 3600,
    minimum=3600,
    maximum=90 * 24 * 3600,
    help="Life of a login without use; a refresh token works once.",
)
