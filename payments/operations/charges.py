"""The life of a charge that a gateway takes the money for, each step under the charge's lock."""

from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from kernel.money import Money
from payments import policy
from payments.models import Charge
from payments.operations.received import write_paid, write_unpaid
from payments.orders import order_id_of
from points import events as points_events
from points import operations as points
from points.policy import TransferKind


def begin_charge(
    *, charge_id: UUID, user_id: UUID, amount: Money, request_key: str, gateway: str, now: datetime
) -> Charge:
    """Insert a charge that is still to be paid; IntegrityError where the request has one."""
    require_transaction()
    return Charge.objects.create(
        id=charge_id,
        user_id=user_id,
        status=Charge.Status.CREATED,
        amount=amount.amount,
        currency=amount.currency,
        request_key=request_key,
        gateway=gateway,
        order_id=order_id_of("chg", request_key=request_key, row_id=charge_id),
        created_at=now,
        resolve_after=policy.next_look_up(tries=0, now=now),
    )


def keep_charge_open(*, charge: Charge, status: Charge.Status, now: datetime) -> None:
    """Leave a charge open as `status`, to be looked up later."""
    require_transaction()
    charge.status = status
    charge.resolve_after = policy.next_look_up(tries=charge.tries, now=now)
    charge.save(update_fields=["status", "resolve_after"])


def take_back_charge_request(*, charge: Charge, named_key: str, now: datetime) -> None:
    """Take back the request of a charge that the gateway certainly did not act on.

    `named_key` as of an attempt to pay.
    """
    require_transaction()
    charge.status, charge.requested_at = Charge.Status.CREATED, None
    charge.payment_key = named_key
    charge.resolve_after = policy.next_look_up(tries=charge.tries, now=now)
    charge.save(update_fields=["status", "requested_at", "payment_key", "resolve_after"])


def credit(*, charge: Charge, payment_key: str, now: datetime) -> list[NewEvent]:
    """Give the points for the money that the gateway has, once; return the event."""
    write_paid(row=charge, payment_key=payment_key, now=now)
    received = points.receive(
        user_id=charge.user_id,
        amount=charge.money,
        kind=TransferKind.CHARGE,
        reference=charge.pk,
        now=now,
    )
    return [points_events.charged(received)]


def fail_charge(*, charge: Charge, code: str, message: str, final: bool, now: datetime) -> None:
    """End an open charge without money; it is looked up for days more unless that is `final`."""
    status = Charge.Status.FAILED
    write_unpaid(row=charge, status=status, code=code, message=message, final=final, now=now)
