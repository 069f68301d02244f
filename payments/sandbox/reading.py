"""What the sandbox takes from a request: bodies, fields and the Basic login."""

import base64
import hmac
import json
import re
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from payments.sandbox.refusals import invalid, unauthorized

_ORDER_ID = re.compile(r"[A-Za-z0-9_=-]{6,64}")
CURRENCIES = ("KRW", "JPY")  # whole units only
LARGEST = 10**12


def check_login(request: web.Request, secret: str) -> None:
    """Demand our secret as the user of Basic authentication. Raises ApiRefusal."""
    wanted = "Basic " + base64.b64encode(f"{secret}:".encode()).decode()
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode()):
        raise unauthorized()


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request. Raises ApiRefusal."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise invalid("the body is no JSON") from error
    if not isinstance(body, dict):
        raise invalid("the body is no object")
    return body


def text_in(body: dict[str, Any], name: str, *, longest: int, default: str | None = None) -> str:
    """Return a text of the body. Raises ApiRefusal."""
    value = body.get(name, default)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise invalid(f"{name} must be a text of 1 to {longest} characters")
    return value


def order_id_in(body: dict[str, Any]) -> str:
    """Return the order's id. Raises ApiRefusal."""
    order_id = text_in(body, "orderId", longest=64)
    if not _ORDER_ID.fullmatch(order_id):
        raise invalid("orderId must be 6 to 64 letters, digits, - _ =")
    return order_id


def amount_in(body: dict[str, Any], name: str = "amount") -> int:
    """Return a positive amount in whole units. Raises ApiRefusal."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST:
        raise invalid(f"{name} must be a positive whole number")
    return value


def currency_in(body: dict[str, Any]) -> str:
    """Return the currency, KRW by default. Raises ApiRefusal."""
    currency = text_in(body, "currency", longest=3, default="KRW")
    if currency not in CURRENCIES:
        raise invalid(f"currency must be one of {', '.join(CURRENCIES)}")
    return currency


def url_in(body: dict[str, Any], name: str) -> str:
    """Return a URL to go back to. Raises ApiRefusal."""
    url = text_in(body, name, longest=2000)
    scheme = urlsplit(url).scheme
    if not url.isascii() or not url.isprintable() or scheme in ("", "javascript", "data"):
        raise invalid(f"{name} must be a URL")
    return url
