"""The view of the bridge page: one order, and the gateway's script that opens its page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from payments.gateways import bridge as bridges
from payments.gateways.toss_documents import number_of, takes


def bridge(request: HttpRequest, link: str) -> HttpResponse:
    """Show the page of a signed link; any other, or an old one, is not found."""
    order = _order_of(link)
    facts: dict[str, Any] = {"is_korean": request.LANGUAGE_CODE.startswith("ko")}
    if order:
        facts |= {
            "order": order,
            "amount": number_of(order.amount),
            "client_key": settings.PAYMENT_GATEWAY_CLIENT_KEY,
            "script": settings.TOSS_SCRIPT,
        }
    page = "payments/bridge.html" if order else "payments/bridge_gone.html"
    response = render(request, page, facts, status=200 if order else 404)
    response.headers["Cache-Control"] = "private, no-store"
    # The link would open the page again: no other site learns it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _order_of(link: str) -> bridges.BridgeOrder | None:
    try:
        order = bridges.read(link)
    except bridges.BadLink:
        return None
    return order if settings.PAYMENT_GATEWAY == "toss" and takes(order.amount.currency) else None
