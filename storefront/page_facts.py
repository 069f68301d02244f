"""What every page has: its language, its other language, the seller, its address."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import json_script
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import SafeString

from kernel.http.bundles import bundle
from kernel.http.page_addresses import in_language, is_page
from kernel.http.rendering import Encoder
from kernel.i18n import is_korean

_NAMES = {"ko": "한국어", "en": "English"}
# Of pages that another library's view renders: those that are no form alone.
_SCRIPTS = {"/account/2fa/authenticate/": "passkey.js"}


def page_facts(path: str, *, query: str = "", leads_to: str | None = None) -> dict[str, Any]:
    """Return what the base template shows of a page, in the active language.

    `path` is the page's, with its language; `query` what its address has beyond that. A login leads
    to `leads_to` afterwards, where none is given to the page itself. No fact depends on who asks.
    """
    language = "ko" if is_korean() else "en"
    other = "en" if language == "ko" else "ko"
    tail = in_language("", path) + (f"?{query}" if query else "")
    here = f"/{language}{tail}"
    return {
        "language": language,
        "other": {"code": other, "name": _NAMES[other], "path": f"/{other}{tail}"},
        "alternates": {code: f"{settings.FRONTROW_URL}/{code}{tail}" for code in _NAMES},
        "canonical": f"{settings.FRONTROW_URL}{here}",
        "seller": settings.SELLER,
        "login_url": login_url(here if leads_to is None else leads_to),
        "styles": bundle("site.css"),
        "icon": bundle("icon.svg"),
    }


def of_account_pages(request: HttpRequest) -> dict[str, Any]:
    """Return the facts of a page that another library's view renders (a context processor).

    Where it leads to afterwards stays, in the other language and by another way to log in; so does
    what it says of a failure.
    """
    if not is_page(request.path):
        return {}
    leads_to = _leads_to(request)
    facts = page_facts(request.path, leads_to=leads_to)
    other = facts["other"]
    kept = {"reason": request.GET["reason"]} if "reason" in request.GET else {}
    if leads_to:
        kept["next"] = in_language(other["code"], leads_to)
    if kept:
        facts["other"] = other | {"path": f"{other['path']}?{urlencode(kept)}"}
    return facts | {
        "is_logged_in": request.user.is_authenticated,
        "leads_to": leads_to,
        "sign_in_provider": sign_in_provider(),
        "script": bundle(_SCRIPTS.get(request.path[3:], "site.js")),
        "fr_data": page_data("account", path=leads_to),
    }


def sign_in_provider() -> dict[str, str] | None:
    """Return the `name` of the sign-in provider in the active language; None where none is set."""
    found = settings.OIDC_PROVIDER
    return None if found is None else {"name": found["name_ko" if is_korean() else "name_en"]}


def _leads_to(request: HttpRequest) -> str:
    """Return the path of ours to which an account page leads afterwards, or ""."""
    asked = request.POST.get("next") or request.GET.get("next", "")
    is_ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else ""


def login_url(leads_to: str) -> str:
    """Return the address of the login that leads to a path afterwards, or home for ""."""
    return reverse("account_login") + (f"?{urlencode({'next': leads_to})}" if leads_to else "")


def page_data(page: str, *, path: str | None = None, **more: Any) -> SafeString:
    """Return the data of a page for its script (Note [Page data] in storefront/README.md).

    The login leads to `path` afterwards, if one is given.
    """
    back = f"?{urlencode({'next': path})}" if path else ""
    urls = {
        "api": "/api/v1/",
        "token": reverse("account-token"),
        "login": login_url(path or ""),
        "signup": reverse("account_signup") + back,
        "me": reverse("storefront:me"),
    } | more.pop("urls", {})
    data = {
        "language": "ko" if is_korean() else "en",
        "page": page,
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "csrf_header": "X-CSRFToken",
        "login_cookie": settings.LOGIN_COOKIE_NAME,
        "urls": urls,
        **more,
    }
    return json_script(data, "fr-data", encoder=Encoder)
