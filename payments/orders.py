"""What a payment or a charge is called at the gateway, and what is asked for it there."""

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

from payments import policy
from payments.errors import PaymentKeyInvalid
from payments.gateways.gateway import Gateway, GatewayOrder, GatewayPayment, NotSent
from payments.models import Charge, Payment


def order_id_of(kind: str, *, request_key: str, row_id: UUID) -> str:
    """Return the order id of an attempt: from its request, and its own even if the key comes again.

    `kind` is "pay" or "chg". It shows nothing of the request key, which is a secret between us and
    the gateway.
    """
    return f"{kind}-{sha256(f'{request_key} {row_id}'.encode()).hexdigest()[:40]}"


def order_of(row: Payment | Charge, *, name: str) -> GatewayOrder:
    """Return what the gateway is asked for; its key makes the capture happen once.

    One key for each time that we ask: a gateway repeats a refusal for its key, and what was refused
    because it was too early may be asked for again.
    """
    assert row.order_id is not None
    asked = row.requested_at.isoformat() if row.requested_at else ""
    key = sha256(f"capture {row.order_id} {asked}".encode()).hexdigest()
    return GatewayOrder(row.order_id, key, row.gateway_money, name[: policy.ORDER_NAME_LENGTH])


def check_gateway(gateway: Gateway, row: Payment | Charge) -> None:
    """Raise NotSent unless `gateway` is the one that has the order."""
    if gateway.name != row.gateway:
        raise NotSent("the gateway of the order is not in use")


def find_order(gateway: Gateway, row: Payment | Charge) -> GatewayPayment | None:
    """Return the order of an attempt as its gateway keeps it; None if it knows none.

    Raises NotSent, also where the gateway of the order is not in use.
    """
    check_gateway(gateway, row)
    assert row.order_id is not None
    return gateway.find(row.order_id, payment_key=row.payment_key or None)


def known_orders(order_ids: Sequence[str]) -> set[str]:
    """Return those of the gateway's orders that we have a row for."""
    return {
        order_id
        for model in (Payment, Charge)
        for order_id in model.objects.filter(order_id__in=order_ids).values_list(
            "order_id", flat=True
        )
        if order_id
    }


def check_key(row: Payment | Charge, payment_key: str) -> None:
    """Raise PaymentKeyInvalid where the gateway has named another key with the order's page."""
    if row.payment_key not in ("", payment_key):
        raise PaymentKeyInvalid


def return_url_of(url: str, *, parameter: str, row_id: UUID) -> str:
    """Return the URL with `parameter`=`row_id` in its query, to which the gateway sends the fan."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode({parameter: row_id})]))
    return urlunsplit(parts._replace(query=query))


def refund_key_of(payment: Payment, *, reason: str) -> str:
    """Return the key of the one refund that a payment has for a reason."""
    return sha256(f"refund {payment.order_id} {reason}".encode()).hexdigest()


def undone_key_of(row: Payment | Charge) -> str:
    """Return the request key of an attempt whose request may begin again."""
    return sha256(f"undone {row.request_key} {row.pk}".encode()).hexdigest()


def cancellation_keys_of(cancellation_id: UUID) -> tuple[str, str]:
    """Return the keys of the refunds of a cancellation: as points, and by the gateway."""
    points, gateway = (
        sha256(f"cancellation {cancellation_id} {way}".encode()).hexdigest()
        for way in ("points", "gateway")
    )
    return points, gateway


def called_off_key_of(reservation_id: UUID) -> str:
    """Return the request key by which a cancelled performance gives a reservation back, once."""
    return sha256(f"called off {reservation_id}".encode()).hexdigest()
