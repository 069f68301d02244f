"""The cookie that says that there is a login: to scripts, and to what counts calls.

Note [Login cookies]
Scripts of public pages, which read no session, see by this cookie which links fit. It also keeps
one stranger from shutting a whole network out of the pages: once a client IP has spent its calls,
who shows it counts by the person's limits (Note [Counted first] in kernel/http/call_limits.py),
without a look at any store. It names the person and its end, under a MAC of ours, and opens
nothing: what a page shows, the session alone decides. So it needs no revocation. Logins of staff
have one of their own, that no script reads: the doors of a venue share a network with its guests.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import parse_cookie

from kernel import clock
from kernel.caller import Caller
from kernel.http.page_addresses import is_of_staff, is_page, is_staff_page
from kernel.signing.mac import MacInvalid, named_key, read_token, write_token, writing_key

TOKEN_PATH = "/account/token/"  # noqa: S105  (an address)
# What its MACs are bound to: those of access tokens, by the same key, are of another thing.
_PAGES = UUID(bytes=b"login of a page.")
_STAFF = UUID(bytes=b"login of staff..")
_UNSIGNED = "1"  # of a ring without the key: still a sign for scripts


def is_fans(path: str) -> bool:
    """Say whether the session of fans' pages counts at a path."""
    return (is_page(path) and not is_staff_page(path)) or path == TOKEN_PATH


def login_cookie(user_id: UUID, *, seconds: int, now: datetime, of_staff: bool = False) -> str:
    """Return the cookie's value for a login that ends in `seconds`."""
    key = writing_key("login")
    if key is None:
        return _UNSIGNED
    ends = int((now + timedelta(seconds=seconds)).timestamp())
    return write_token(key, f"{user_id.hex}.{ends}", bound_to=_STAFF if of_staff else _PAGES)


def page_login_in(environ: dict[str, Any]) -> Caller | None:
    """Return whose login cookie a call of a page shows, for counting alone; None for others."""
    path = environ["PATH_INFO"]
    if is_fans(path):
        name, bound_to = settings.LOGIN_COOKIE_NAME, _PAGES
    elif is_of_staff(path):
        name, bound_to = settings.STAFF_LOGIN_COOKIE_NAME, _STAFF
    else:
        return None
    shown = parse_cookie(environ.get("HTTP_COOKIE", "")).get(name, "")
    key = named_key("login", shown)
    if key is None:
        return None
    try:
        user_id, ends = read_token(key, shown, bound_to=bound_to).split(".")
    except MacInvalid:
        return None
    return Caller(UUID(user_id)) if int(ends) > clock.now().timestamp() else None
