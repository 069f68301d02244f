"""The use case of a gateway's webhook: keep it and respond; what happened is looked up later."""

from collections.abc import Callable, Mapping
from datetime import datetime

from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from payments import gateways, metrics, operations
from payments.gateways.gateway import BadWebhook, Notice


class WebhookInvalid(DomainError):
    """The gateway did not sign this webhook, or it is too old to be believed."""

    code = "webhook_invalid"
    kind = Kind.UNAUTHENTICATED
    message = text(
        en="This webhook is not signed by the gateway, or too old.",
        ko="결제 대행사의 서명이 없거나 너무 오래된 알림입니다.",
    )


def receive(
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    count: Callable[[str], None] = lambda gateway: None,
) -> None:
    """Keep a webhook by the id of its event; one that was received before changes nothing.

    Names of `headers` are lower case. `count` is called with the gateway's name once the signature
    is known to be right, before anything is kept, and may refuse. The reconciler looks the order up
    within seconds. Raises WebhookInvalid, without a gateway for every one.
    """
    try:
        gateway, notice = _read(headers, body, now)
    except BadWebhook as reason:
        metrics.webhooks.labels(WebhookInvalid.code).inc()
        raise WebhookInvalid from reason
    count(gateway)
    with transaction():
        operations.receive_notice(gateway=gateway, notice=notice, now=now)
    metrics.webhooks.labels("received").inc()


def sender_of(*, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """Return the gateway that has signed a webhook, None where none has; keeps nothing."""
    try:
        return _read(headers, body, now)[0]
    except BadWebhook:
        return None


def _read(headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[str, Notice]:
    gateway = gateways.current()
    if gateway is None:
        raise BadWebhook("there is no gateway")
    return gateway.name, gateway.read_webhook(headers, body, now=now)
