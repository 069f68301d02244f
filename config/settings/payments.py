"""The settings of payments: the gateway, its webhooks, and the URLs that fans may return to."""

from django.core.exceptions import ImproperlyConfigured

from kernel import env

RETURN_URLS_ALLOWED = frozenset(
    place.lower().rstrip("/")
    for place in env.words(
        "RETURN_URLS_ALLOWED",
        default=[],
        help="Origins (https://shop.example) and app schemes (example-app:) that a return_url "
        "may lead to; FRONTROW_URL always may.",
    )
)
PAYMENT_GATEWAY = env.choice(
    "PAYMENT_GATEWAY",
    of=("none", "toss", "sandbox"),
    default="none",
    help="Who takes cards; none: no cards and no charges of points. Production refuses sandbox.",
)
PAYMENT_GATEWAY_URL = env.url(
    "PAYMENT_GATEWAY_URL",
    schemes=("https", "http"),
    default="https://api.tosspayments.com",
    help="Where the gateway's API is, without a path.",
)
PAYMENT_GATEWAY_SECRET = env.string(
    "PAYMENT_GATEWAY_SECRET", default="", secret=True, help="Our secret key at the gateway."
)
PAYMENT_GATEWAY_CLIENT_KEY = env.string(
    "PAYMENT_GATEWAY_CLIENT_KEY",
    default="",
    help="Our client key, which browsers show to toss; the sandbox needs none.",
)
PAYMENT_GATEWAY_CONNECT_SECONDS = env.integer(
    "PAYMENT_GATEWAY_CONNECT_SECONDS",
    default=3,
    minimum=1,
    maximum=30,
    help="How long a connection to the gateway may take; after that nothing was charged.",
)
PAYMENT_GATEWAY_READ_SECONDS = env.integer(
    "PAYMENT_GATEWAY_READ_SECONDS",
    default=15,
    minimum=1,
    maximum=60,
    help="How long the gateway may take to reply; after that the outcome is unknown.",
)
PAYMENT_WEBHOOK_SECRETS = [
    secret.strip()
    for secret in env.string(
        "PAYMENT_WEBHOOK_SECRETS",
        default="",
        secret=True,
        help="Secrets that the gateway's webhooks are signed with, separated by a comma: the "
        "present one and, while it is replaced, the other. Empty: no webhook is believed.",
    ).split(",")
    if secret.strip()
]
# The sandbox alone can: a charge of points needs no page there.
CHARGES_APPROVED_AT_ONCE = env.boolean(
    "CHARGES_APPROVED_AT_ONCE",
    default=True,
    help="Whether charges of points need no page where the gateway is the sandbox.",
)
if PAYMENT_GATEWAY != "none" and not PAYMENT_GATEWAY_SECRET:
    raise ImproperlyConfigured(
        f"PAYMENT_GATEWAY_SECRET must be set: {PAYMENT_GATEWAY} asks for it."
    )
if PAYMENT_GATEWAY == "toss" and not PAYMENT_GATEWAY_CLIENT_KEY:
    raise ImproperlyConfigured("PAYMENT_GATEWAY_CLIENT_KEY must be set for toss.")
if len(PAYMENT_WEBHOOK_SECRETS) > 2:
    raise ImproperlyConfigured("PAYMENT_WEBHOOK_SECRETS must be two at most.")
