"""The gateway that the settings name, one for each process."""

import os
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings

from payments.gateways.gateway import ApprovesAtOnce, Gateway, GatewayOrder
from payments.gateways.http import GatewayHttp
from payments.gateways.sandbox import SandboxGateway
from payments.gateways.toss import TossGateway

_ADAPTERS: dict[str, type[TossGateway]] = {"toss": TossGateway, "sandbox": SandboxGateway}


@dataclass(frozen=True, slots=True)
class _Choice:
    """What makes a gateway; tests change settings, and get another one."""

    adapter: str
    url: str
    secret: str = field(repr=False)  # a log shows no secret
    client_key: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    connect_seconds: float
    read_seconds: float


def current() -> TossGateway | None:
    """Return this process's gateway; None where none is configured, and no card is taken."""
    if settings.PAYMENT_GATEWAY == "none":
        return None
    return _built(
        _Choice(
            adapter=settings.PAYMENT_GATEWAY,
            url=settings.PAYMENT_GATEWAY_URL,
            secret=settings.PAYMENT_GATEWAY_SECRET,
            client_key=settings.PAYMENT_GATEWAY_CLIENT_KEY,
            webhook_secrets=tuple(settings.PAYMENT_WEBHOOK_SECRETS),
            connect_seconds=settings.PAYMENT_GATEWAY_CONNECT_SECONDS,
            read_seconds=settings.PAYMENT_GATEWAY_READ_SECONDS,
        )
    )


def approve_at_once(gateway: Gateway, order: GatewayOrder) -> str | None:
    """Return the payment key of an order that needs no page, such as a charge of the sandbox.

    None where the fan has to agree on the gateway's page. Raises NotSent.
    """
    if settings.CHARGES_APPROVED_AT_ONCE and isinstance(gateway, ApprovesAtOnce):
        return gateway.approve_at_once(order)
    return None


@cache
def _built(choice: _Choice) -> TossGateway:
    http = GatewayHttp(
        choice.url,
        choice.secret,
        name=choice.adapter,
        connect_seconds=choice.connect_seconds,
        read_seconds=choice.read_seconds,
    )
    adapter = _ADAPTERS[choice.adapter]
    return adapter(http, client_key=choice.client_key, webhook_secrets=choice.webhook_secrets)


# Connections are not shared with a child: it opens its own at its first call.
os.register_at_fork(after_in_child=_built.cache_clear)
