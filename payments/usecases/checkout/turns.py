"""What fans want to pay for, and the turn that each of them has in a batch."""

from dataclasses import dataclass, field
from uuid import UUID

from kernel.telemetry import context
from kernel.telemetry.context import Correlation
from payments.models import Payment
from points.operations import Spent
from reservations.operations import LockedReservation


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid, by whom, and by which request.

    `points_amount`: how many points the fan means to pay, None for whatever it costs (by card:
    for none). `return_url`: where a gateway's page sends the fan. `resumed`: the same request may
    have been executed before. The events carry `correlation`, that of the fan's request.
    """

    user_id: UUID
    reservation_id: UUID
    points_amount: int | None
    payment_id: UUID
    request_key: str
    return_url: str | None = None
    resumed: bool = False
    correlation: Correlation = field(default_factory=context.current, compare=False)


@dataclass(slots=True)
class PaymentTurn:
    """One order in a batch, and what has become of it so far.

    It is open until one of `payment`, `error` and `goes_alone` is set.
    """

    order: Order
    locked: LockedReservation | None = None
    spent: Spent | None = None  # None where the seats cost nothing
    payment: Payment | None = None
    error: Exception | None = None
    goes_alone: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it has still to be decided."""
        return not (self.payment or self.error or self.goes_alone)

    @property
    def hold(self) -> LockedReservation:
        """The hold that it pays for, once it is locked."""
        assert self.locked is not None
        return self.locked
