"""Points, holds and payments that a test starts from, and what it looks at afterwards."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.db import connections
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from concerts.models import Performance
from events.models import OutboxEvent
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from kernel.outcomes import result_of
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases import checkout
from payments.usecases.checkout import Order
from points import operations as points
from points import queries as points_queries
from reservations import operations as reservations
from reservations.operations import LockedReservation
from reservations.queries import ReservationDetail
from tests.support import factories
from tests.support.holding import place

CHARGES = "/api/v1/points/charges/"
PAYMENTS = "/api/v1/payments/"

_keys = count(1)


def new_key() -> str:
    return f"key-{next(_keys)}-{uuid4()}"


def give_points(user: User, amount: int) -> None:
    """Give a fan points without a charge."""
    with transaction():
        points.open_accounts_with_points(
            user_ids=[user.pk], amount=Money(amount), reference=uuid4(), now=clock.now()
        )


def balance_of(user: User) -> int:
    return points_queries.balance(user_id=user.pk).amount


def hold(
    user: User,
    performance: Performance,
    *,
    seats: int = 2,
    now: datetime | None = None,
    seat_ids: Sequence[UUID] | None = None,
) -> ReservationDetail:
    """Hold the first seats (or the given ones) of a performance that needs no queue."""
    return place(user, performance, seat_ids or factories.seat_ids(performance, seats), now=now)


def post(client: APIClient, path: str, body: dict[str, Any], *, key: str | None = "") -> Response:
    """POST with a new Idempotency-Key, the given one, or (None) without."""
    headers = {} if key is None else {"Idempotency-Key": key or new_key()}
    return client.post(path, body, format="json", headers=headers)


def pay(client: APIClient, reservation_id: UUID, *, key: str = "", **more: Any) -> Response:
    body = {"reservation_id": str(reservation_id), "method": "POINTS", **more}
    return post(client, PAYMENTS, body, key=key)


def clients_of(as_fan: Callable[[User], APIClient], user: User, number: int) -> list[APIClient]:
    return [as_fan(user) for _ in range(number)]


def insist(send: Callable[[], Response]) -> Response:
    """Send as a good client does: again after "busy" and "still running", for a minute."""
    deadline = time.monotonic() + 60
    while True:
        answer = send()
        waiting = answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"
        if answer.status_code != 503 and not waiting:
            return answer
        assert time.monotonic() < deadline, answer.json()
        connections.close_all()  # as a server does at the end of a request
        time.sleep(0.05)  # what Retry-After asks for, made short


def begin(
    user: User,
    reservation_id: UUID,
    *,
    method: str = Payment.Method.POINTS,
    now: datetime | None = None,
    request_key: str = "",
    resumed: bool = False,
    points_amount: int | None = None,
) -> PaymentResult:
    """Call the use case as the view does."""
    return checkout.begin(
        user_id=user.pk,
        reservation_id=reservation_id,
        method=method,
        points_amount=points_amount,
        payment_id=uuid7(),
        request_key=request_key or uuid4().hex * 2,
        resumed=resumed,
        now=now or clock.now(),
    )


def begin_by_card(user: User, reservation_id: UUID, **more: Any) -> PaymentResult:
    """Begin a payment by card as the view does."""
    return begin(user, reservation_id, method=Payment.Method.CARD, **more)


def confirm(
    user: User,
    payment_id: UUID,
    *,
    payment_key: str = "",
    resumed: bool = False,
    now: datetime | None = None,
) -> PaymentResult:
    """Confirm as the view does, by default with the key that the double's page hands out."""
    order_id = Payment.objects.get(pk=payment_id).order_id
    return checkout.confirm(
        payment_id=payment_id,
        user_id=user.pk,
        payment_key=payment_key or f"key-of-{order_id}",
        resumed=resumed,
        now=now or clock.now(),
    )


def lock_to_pay(
    reservation_id: UUID, user_id: UUID, *, now: datetime | None = None
) -> LockedReservation:
    """Lock a live hold in the open transaction, as a payment does that waits."""
    [outcome] = reservations.lock_for_payment(
        wanted=[(reservation_id, user_id)], now=now or clock.now()
    )
    return result_of(outcome)


def order_of(user: User, reservation_id: UUID, *, points_amount: int | None = None) -> Order:
    """Return the order of a fan who pays by points."""
    return Order(user.pk, reservation_id, points_amount, uuid7(), uuid4().hex * 2)


def buyers(
    performance: Performance, number: int, *, seats: int = 1, points: int = 1_000_000
) -> list[tuple[User, ReservationDetail]]:
    """Return fans with points, each with a hold of seats of their own."""
    free = iter(factories.seat_ids(performance))
    fans = [factories.make_user() for _ in range(number)]
    for fan in fans:
        give_points(fan, points)
    return [(fan, place(fan, performance, [next(free) for _ in range(seats)])) for fan in fans]


def orders_of(found: Sequence[tuple[User, ReservationDetail]]) -> list[Order]:
    """Return the order of each buyer."""
    return [order_of(fan, held.id) for fan, held in found]


def outbox(type_: str) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(type=type_).order_by("position"))
