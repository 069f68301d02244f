"""The settings of people, logins and signing keys."""

from kernel import env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.auth_backends.EmailBackend",  # the only one in use
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["accounts.hashers.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
PASSWORD_HASHES_AT_ONCE = env.integer(
    "PASSWORD_HASHES_AT_ONCE",
    default=2,
    minimum=1,
    maximum=64,
    help="Password hashes (19 MiB each) that one process computes at a time.",
)
# NIST SP 800-63B: a length and a list of known passwords, no rules about characters.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

# Note [Second factor] in accounts/usecases/second_factor.py.
MFA_ADAPTER = "accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = False  # a passkey stands for a code, not for the password
MFA_PASSKEY_SIGNUP_ENABLED = False
STAFF_SECOND_FACTOR_REQUIRED = False  # production.py: True

# Tokens
SIGNING_KEYS_FILE = env.string(
    "SIGNING_KEYS_FILE",
    default="var/signing-keys.json",
    help="The key ring: mode 0600 (`manage.py keys init` makes it), or mounted: root's and 0440.",
)
TOKEN_ISSUER = env.string(
    "TOKEN_ISSUER",
    default="frontrow",
    help="The `iss` of every token; tokens of other issuers are refused.",
)
ACCESS_TOKEN_SECONDS = env.integer(
    "ACCESS_TOKEN_SECONDS", default=300, minimum=30, maximum=7200, help="Life of an access token."
)
REFRESH_TOKEN_SECONDS = env.integer(
    "REFRESH_TOKEN_SECONDS",
    default=14 * 24 * 3600,
    minimum=3600,
    maximum=90 * 24 * 3600,
    help="Life of a login that isn't used; a refresh token works once.",
)
LOGIN_SECONDS = env.integer(
    "LOGIN_SECONDS",
    default=90 * 24 * 3600,
    minimum=3600,
    maximum=400 * 24 * 3600,
    help="Life of a login of the API, however much it is used.",
)

# Sessions: rows, so that losing every Redis server logs nobody out.
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Fans' pages have sessions of their own (accounts/page_sessions.py). Scripts may read the second
# cookie: it says that there is a login, and opens nothing.
FAN_SESSION_COOKIE_NAME = "fan_session"
LOGIN_COOKIE_NAME = "fr_login"
STAFF_LOGIN_COOKIE_NAME = "fr_staff_login"  # read by no script, and opens nothing either
STAFF_SESSION_SECONDS = env.integer(
    "STAFF_SESSION_SECONDS",
    default=8 * 3600,
    minimum=300,
    maximum=7 * 24 * 3600,
    help="Life of a login at the staff pages, used or not.",
)

# The cookie of device tokens (Note [Device tokens]).
DEVICE_COOKIE_NAME = "device"

# django-allauth: its pages for browsers, and the headless API of clients that keep tokens.
HEADLESS_ONLY = False
LOGIN_REDIRECT_URL = "storefront:home"
ACCOUNT_LOGOUT_REDIRECT_URL = "storefront:home"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "add_email": "accounts.forms.AddEmailForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
}
MFA_FORMS = {
    "authenticate": "accounts.forms.AuthenticateForm",
    "authenticate_webauthn": "accounts.forms.AuthenticateByPasskeyForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "accounts.token_strategy.TokenStrategy"  # noqa: S105  (a path)
HEADLESS_SERVE_SPECIFICATION = True
HEADLESS_SPECIFICATION_TEMPLATE_NAME = "headless/spec/redoc.html"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_MAX_LENGTH = 254
# An e-mail address is somebody's once the code mailed to it has come back, everywhere; where
# sign-up needs no mail, the one given there counts as proved. Note [Whose address] in
# accounts/models.py.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 600  # seconds; allauth's own would be 900
SIGN_UP_CONFIRMED_BY_MAIL = False  # production.py: True
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
# A request for a code reveals nothing; the owner of the e-mail address gets a letter.
ACCOUNT_PREVENT_ENUMERATION = "strict"
# Changing e-mail addresses needs the password again, at most five minutes ago; changing the
# password needs it in the same call.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Each change is mailed to the e-mail address that was valid before it.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Frontrow] "  # allauth's own would be the Host of the request
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# A changed password ends every login, the one that changed it too.
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
STOREFRONT_URL = env.url(
    "STOREFRONT_URL",
    schemes=("http", "https"),
    default="http://127.0.0.1:8000",
    help="Where the pages are that mails link to, without a trailing slash.",
)
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": STOREFRONT_URL + "/account/verify-email/{key}",
    "account_reset_password": STOREFRONT_URL + "/account/password/reset",
    "account_reset_password_from_key": STOREFRONT_URL + "/account/password/reset/{key}",
    "account_signup": STOREFRONT_URL + "/account/signup",
}
# Callers are distinguished by client IP; behind a proxy that is the one that the proxy names.
TRUSTED_PROXY_COUNT = env.integer(
    "TRUSTED_PROXY_COUNT",
    default=0,
    maximum=5,
    help="How many proxies of ours append to X-Forwarded-For; 0: the header is ignored.",
)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
# The same proxy names the scheme of the request.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None

# The writer of audit entries for apps that lie below `accounts` (see kernel/staff/audit.py).
AUDIT_WRITER = "accounts.operations.record_audit"

SECOND_PERSON_ABOVE = env.integer(
    "SECOND_PERSON_ABOVE",
    default=100_000,
    minimum=0,
    maximum=10_000_000,
    help="Points that staff give or take of a fan, or KRW that they refund beyond the policy, "
    "within 24 hours: what is more waits for another member of staff.",
)

# The permissions of each staff group, as patterns of names. Nothing else is granted.
# `migrate` makes the groups match this (accounts/groups.py).
STAFF_GROUPS: dict[str, list[str]] = {
    "staff": [
        "concerts.*",
        "catalogue.*",
        "reservations.view_*",
        "reservations.add_salepolicy",
        "reservations.change_salepolicy",
        "reservations.put_on_sale*",
        "reservations.block_seat",
        "queueing.view_*",
        "queueing.add_queueconfig",
        "queueing.change_queueconfig",
        "notifications.view_*",
        "webhooks.view_*",
        "tickets.view_*",
        "statistics.view_*",
        "accounts.view_user",
        "accounts.change_user",
    ],
    "operator": [
        "*.view_*",
        "accounts.lock_out_user",
        "accounts.*_ratelimit",
        "accounts.add_apikey",
        "accounts.revoke_apikey",
        "concerts.change_performance",
        "queueing.*",
        "reservations.*",
        "events.*",
        "idempotency.*",
        "notifications.*",
        "webhooks.*",
    ],
    "finance": [
        "accounts.view_user",
        "accounts.view_auditentry",
        "concerts.view_*",
        "payments.*",
        "points.*",
        "reservations.view_*",
        "statistics.view_*",
        "tickets.view_*",
    ],
    # No list of tickets: a code is a whole ticket. The door's pages find one, and write down which.
    "door": ["concerts.view_*", "tickets.view_checkin", "tickets.check_in*"],
    "integrator": ["concerts.view_*", "events.view_*", "statistics.view_*"],
}
