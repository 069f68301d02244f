"""The settings of signing in by an OpenID Connect provider: one, or none.

Note [One sign-in provider]
A person is known by what the provider calls him (`sub`) under OIDC_PROVIDER_ID: another server
needs another id, or it would open accounts of people whom it doesn't know. What is set by halves
would show a button that leads nowhere, so it doesn't start.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from kernel import env

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

OIDC_PROVIDER_ID = env.string(
    "OIDC_PROVIDER_ID",
    default="",
    help="What we call the OpenID Connect provider that people may sign in by, such as kakao; "
    "never used again for another one. Empty: there is none.",
)
OIDC_PROVIDER_NAME = env.string(
    "OIDC_PROVIDER_NAME", default="", help="The provider's name on pages, such as 카카오."
)
OIDC_PROVIDER_NAME_EN = env.string(
    "OIDC_PROVIDER_NAME_EN",
    default="",
    help="The provider's name on pages in English; empty: OIDC_PROVIDER_NAME.",
)
OIDC_SERVER_URL = env.url(
    "OIDC_SERVER_URL",
    schemes=("https", "http"),
    default="none",
    help="The provider's issuer, as its documents name it; /.well-known/openid-configuration lies "
    "under it.",
)
OIDC_CLIENT_ID = env.string("OIDC_CLIENT_ID", default="", help="Our client id at the provider.")
OIDC_CLIENT_SECRET = env.string(
    "OIDC_CLIENT_SECRET", default="", secret=True, help="Our client secret at the provider."
)
OIDC_PAGE_ORIGINS = env.words(
    "OIDC_PAGE_ORIGINS",
    default=[],
    help="Origins (https://accounts.example) that the provider's pages lead through on the way "
    "back, beside that of OIDC_SERVER_URL: browsers let our form lead to no other.",
)


def _provider() -> dict[str, Any] | None:
    """Return the provider; None where nothing is set. Raises `ImproperlyConfigured`."""
    needed = {
        "OIDC_PROVIDER_ID": OIDC_PROVIDER_ID,
        "OIDC_PROVIDER_NAME": OIDC_PROVIDER_NAME,
        "OIDC_SERVER_URL": "" if OIDC_SERVER_URL == "none" else OIDC_SERVER_URL,
        "OIDC_CLIENT_ID": OIDC_CLIENT_ID,
        "OIDC_CLIENT_SECRET": OIDC_CLIENT_SECRET,
    }
    if not any((*needed.values(), OIDC_PROVIDER_NAME_EN, OIDC_PAGE_ORIGINS)):
        return None
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ImproperlyConfigured(
            f"{', '.join(missing)} must be set: a sign-in provider is set by halves. "
            "Unset every OIDC_ variable for none."
        )
    if not _ID.fullmatch(OIDC_PROVIDER_ID):
        raise ImproperlyConfigured(
            "OIDC_PROVIDER_ID must be up to 32 of a-z, 0-9 and -, beginning with a letter or digit."
        )
    server = urlsplit(OIDC_SERVER_URL)
    if not server.hostname or server.query or server.fragment or server.username:
        raise ImproperlyConfigured(
            "OIDC_SERVER_URL must be an origin, and a path where it has one."
        )
    for origin in OIDC_PAGE_ORIGINS:
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("https", "http"):
            raise ImproperlyConfigured(f"OIDC_PAGE_ORIGINS: {origin!r} is no origin.")
    return {
        "id": OIDC_PROVIDER_ID,
        "name_ko": OIDC_PROVIDER_NAME,
        "name_en": OIDC_PROVIDER_NAME_EN or OIDC_PROVIDER_NAME,
        "server_url": OIDC_SERVER_URL.rstrip("/"),
        "client_id": OIDC_CLIENT_ID,
        "client_secret": OIDC_CLIENT_SECRET,
        "origins": [f"{server.scheme}://{server.netloc}", *OIDC_PAGE_ORIGINS],
    }


OIDC_PROVIDER = _provider()

# django-allauth's part: accounts/provider_adapter.py reads OIDC_PROVIDER, and nothing else makes
# a provider, no row either.
SOCIALACCOUNT_ADAPTER = "accounts.provider_adapter.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "accounts.oidc.Provider"}}
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
