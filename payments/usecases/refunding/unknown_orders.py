"""Give back what the gateway took for an order that no row of ours knows.

Note [Orders without a row]
A database that was restored to a moment knows nothing of the orders that were begun after it, and
the gateway has their money. The audit names them; who paid, and for what, nobody can say any more.
So an operator gives it back where it came from, order by order, each once. It is always all that is
left of an order: nothing of ours says what a part would be for, the audit names an order as long as
the gateway keeps anything of it, and whereas all that is left can be asked for again after a
silence, a part that was asked for twice would go back twice.
"""

from datetime import datetime
from hashlib import sha256

from kernel.db.transaction import transaction
from kernel.money import Money
from kernel.staff import audit
from payments.gateways.gateway import Gateway, MoneyState
from payments.orders import known_orders


class OrderHasRow(Exception):
    """A payment or charge of ours has the order; its own refund gives the money back."""


class OrderOpen(Exception):
    """Nobody has paid the order, and somebody still may."""


class OrderNotFound(Exception):
    """The gateway has no such order."""


def give_back(*, gateway: Gateway, order_id: str, reason: str, now: datetime) -> Money:
    """Give all back that the gateway still has of an order; return how much that was, 0 for none.

    The same key is sent all day, so it may be repeated after any failure. Raises OrderHasRow,
    OrderNotFound, OrderOpen, NotSent, OutcomeUnknown and RefundRefused.
    """
    if known_orders([order_id]):
        raise OrderHasRow
    found = gateway.find(order_id, payment_key=None)
    if found is None:
        raise OrderNotFound
    if found.state is MoneyState.OPEN:
        raise OrderOpen
    if found.state is not MoneyState.CAPTURED:
        return Money(0, found.amount.currency)
    left = Money(found.amount.amount - found.refunded.amount, found.amount.currency)
    with transaction():  # before the money moves: of a death behind that nobody would learn
        audit.record(
            actor_id=None,
            action="payments.give_back_order",
            target=f"order:{order_id}",
            reason=reason,
            changes={"gateway": gateway.name, "amount": left.amount, "currency": left.currency},
            now=now,
        )
    # Of what is left to give back, and of the day: a gateway repeats a refusal for its key.
    of = f"order without a row {order_id} {found.refunded.amount} {now:%Y-%m-%d}"
    key = sha256(of.encode()).hexdigest()
    gateway.refund(found, left, request_key=key, reason=reason)
    return left
