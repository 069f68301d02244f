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
