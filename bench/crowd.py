"""Fans with their logins, their seats and the requests they send; import once Django is set up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from bench.fixtures import fan_token, make_hall, make_room, numbered
from bench.requests import request
from concerts.models import Performance
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from kernel.outcomes import result_of
from points import operations as points
from queueing.usecases import waiting_room
from reservations import policy
from reservations.usecases import holds

BURST = 10_000  # fans who have a login
POINTS = 1_000_000


@dataclass(frozen=True)
class Sizes:
    """How much is done in a round."""

    seconds: float
    joins: int
    holds: int
    payments: int
    pgbench: int  # transactions a client
    alone: int  # holds or payments that are sent one at a time


FULL = Sizes(seconds=3.0, joins=1900, holds=400, payments=400, pgbench=300, alone=200)
QUICK = Sizes(seconds=0.6, joins=600, holds=120, payments=120, pgbench=50, alone=40)


class Crowd:
    """Fans, and a hall with a seat for each: fan and seat have the same number and key."""

    def __init__(self, seats: int, fans: int = BURST) -> None:
        self.prefix = str(uuid7())[:24]
        people = [self.key(n) for n in range(max(seats, fans))]
        User.objects.add([User(id=key, email=f"{key}@example.com", password="!") for key in people])
        with transaction():
            points.open_accounts_with_points(
                user_ids=people, amount=Money(POINTS), reference=uuid7(), now=clock.now()
            )
        self.hall = make_hall(seats, prefix=self.prefix)
        self.seats = iter(range(2, seats))
        self._logins: dict[int, str] = {}

    def key(self, number: int) -> UUID:
        """Return the key of a fan and of a seat."""
        return numbered(self.prefix, number)

    def login(self, fan: int) -> str:
        """Return a fan's access token, made when it is first asked for."""
        if fan not in self._logins:
            self._logins[fan] = fan_token(self.key(fan))
        return self._logins[fan]

    def requests(self, fans: Iterable[int], method: str, path: str, **more: Any) -> list[bytes]:
        """Return a request of each fan, from an address of its own."""
        return [self.request(fan, method, path, **more) for fan in fans]

    def request(self, fan: int, method: str, path: str, **more: Any) -> bytes:
        """Return a fan's request."""
        return request(method, path, bearer=self.login(fan), client_ip=address_of(fan), **more)

    def joins(self, performance: Performance, fans: Iterable[int]) -> list[bytes]:
        """Return the joins of some fans."""
        return self.requests(fans, "POST", f"/api/v1/performances/{performance.pk}/queue/")

    def polls(self, performance: Performance, fans: Iterable[int]) -> list[bytes]:
        """Let some fans join and return how they ask for their place."""
        path = f"/api/v1/performances/{performance.pk}/queue/me/"
        return [
            self.request(fan, "GET", path, queue_token=self._join(performance, fan)) for fan in fans
        ]

    def _join(self, performance: Performance, fan: int) -> str:
        return waiting_room.join(
            user_id=self.key(fan), performance_id=performance.pk, token=None, now=clock.now()
        ).token

    def hold(self, fan: int, seat: int) -> bytes:
        """Return a fan's request for one seat."""
        body = {"performance_id": str(self.hall.pk), "seat_ids": [str(self.key(seat))]}
        return self.request(fan, "POST", "/api/v1/reservations/", body=body)

    def pay(self, fan: int, reservation_id: UUID, method: str = "POINTS") -> bytes:
        """Return a fan's request to pay for a hold."""
        body = {"reservation_id": str(reservation_id), "method": method}
        return self.request(
            fan, "POST", "/api/v1/payments/", body=body, idempotency_key=str(uuid7())
        )

    def take(self, fan: int, seat: int) -> UUID:
        """Hold a seat without a request; return the reservation."""
        return holds.place(
            user_id=self.key(fan),
            performance_id=self.hall.pk,
            seat_ids=[self.key(seat)],
            reservation_id=uuid7(),
            queue_token=None,
            now=clock.now(),
        ).id

    def take_many(self, numbers: Sequence[int]) -> None:
        """Hold the seats with these numbers for their fans, under reservations of the same keys."""
        for start in range(0, len(numbers), policy.HOLDS_PER_BATCH):
            requests = [
                holds.HoldRequest(self.key(n), self.hall.pk, [self.key(n)], self.key(n))
                for n in numbers[start : start + policy.HOLDS_PER_BATCH]
            ]
            for outcome in holds.place_many(requests, now=clock.now()):
                result_of(outcome)

    def next_seats(self, count: int) -> Iterator[int]:
        """Return seats that nobody has wanted yet."""
        return (next(self.seats) for _ in range(count))


def new_room() -> Performance:
    """Return a performance with an open waiting room that admits nearly nobody."""
    performance = make_room(rate_per_second="0.1", capacity=1)
    waiting_room.public_status(performance_id=performance.pk, now=clock.now())  # now in Redis
    return performance


def address_of(fan: int) -> str:
    """Return the client IP of a fan."""
    return f"10.{fan >> 16 & 255}.{fan >> 8 & 255}.{fan & 255}"
