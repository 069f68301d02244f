"""Bridge pages: an order's page of ours that opens the gateway's own script.

The link carries the order, signed with `SECRET_KEY`, so that nobody makes a page for another order,
another amount or another way back. It says nothing that the fan does not know, and is good for
`SECONDS`.
"""

import zlib
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from kernel.money import Money
from payments.gateways.gateway import GatewayOrder

SECONDS = 30 * 60
LONGEST_LINK = 4000
_SALT = "payments.bridge"


class BadLink(Exception):
    """A link that we did not sign, or whose time is over."""


@dataclass(frozen=True, slots=True)
class BridgeOrder:
    """What a bridge page asks the gateway's script for."""

    order_id: str
    amount: Money
    name: str
    return_url: str


def url_of(order: GatewayOrder, *, return_url: str) -> str:
    """Return the URL of an order's bridge page."""
    facts = [
        order.order_id,
        order.amount.amount,
        order.amount.currency,
        order.name[:100],
        return_url,
    ]
    link = signing.dumps(facts, salt=_SALT, compress=True)
    return settings.FRONTROW_URL + reverse("payment-bridge", args=[link])


def read(link: str) -> BridgeOrder:
    """Return the order of a link. Raises BadLink."""
    if len(link) > LONGEST_LINK:
        raise BadLink
    try:
        order_id, amount, currency, name, return_url = signing.loads(
            link, salt=_SALT, max_age=SECONDS
        )
    except (signing.BadSignature, ValueError, zlib.error) as error:
        raise BadLink from error
    return BridgeOrder(order_id, Money(amount, currency), name, return_url)
