"""The on-sale second of tests/acceptance over HTTP in one process, where a guard can be removed.

The same fans, client and checker, against the WSGI application that production serves, fast paths
included. What the checker wants from Kafka and the statistics belongs to tests/acceptance.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from threading import BoundedSemaphore
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection, connections

from accounts.models import User
from accounts.tokens import issue_access_token
from config.wsgi import application
from kernel import clock
from proof.history.facts import Facts, FanPurchase, violations
from reservations.models import SeatInventory
from tests.support import database, factories, money
from tests.support.concurrency import all_at_once
from tests.support.shopper import Shopper
from tests.support.site import Fan
from tests.support.unguarded import without_row_locks, without_the_gate
from tickets.models import LIVE_SEAT_UNIQUE

pytestmark = pytest.mark.concurrency

StartResponse = Callable[..., Any]
FANS = 200
SEATS = 50
PRICE = 90_000
POINTS = 500_000


class InProcess:
    """The application as a site."""

    def __init__(self) -> None:
        self._transport = httpx.WSGITransport(app=self._serve, raise_app_exceptions=False)

    def http(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(
            transport=self._transport, base_url="http://testserver", headers=headers
        )

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = application(environ, start_response)
        body = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        connections.close_all()  # as after each request
        return [body]


def shopper_of(site: InProcess, user: User) -> Shopper:
    token = issue_access_token(
        user_id=user.pk, session_id=str(user.pk), is_staff=False, groups=(), now=clock.now()
    )
    return Shopper(site, Fan(user.email, str(user.pk), token))


def on_sale() -> tuple[list[FanPurchase | httpx.Response], Facts]:
    """Let all fans buy at once; return the responses and what is left behind."""
    performance = factories.make_performance(seats=SEATS, price=PRICE)
    seats = [str(seat) for seat in factories.seat_ids(performance)]
    site = InProcess()
    users = [factories.make_user() for _ in range(FANS)]
    for user in users:
        money.give_points(user, POINTS)
    shoppers = [shopper_of(site, user) for user in users]

    # As many as connections, as the API has them; who comes more waits in the backlog.
    server_threads = BoundedSemaphore(settings.DATABASE_POOL_SIZE - 1)

    def go(number: int) -> FanPurchase | httpx.Response:
        with server_threads:
            return shoppers[number].buy(str(performance.pk), [seats[number % SEATS]])

    outcomes = all_at_once(go, range(FANS))
    purchases = [outcome for outcome in outcomes if isinstance(outcome, FanPurchase)]
    owners = {shopper.fan.user_id: shopper for shopper in shoppers}
    reserved = SeatInventory.objects.filter(performance=performance, status="RESERVED")
    return outcomes, Facts(
        seats=frozenset(seats),
        purchases=purchases,
        tickets=[
            ticket
            for purchase in purchases
            for ticket in owners[purchase.user_id].tickets(purchase.reservation_id)
        ],
        inventory={str(row.seat_id): str(row.reservation_id) for row in reserved},
        before=dict.fromkeys(owners, POINTS),
        after={user: shopper.balance() for user, shopper in owners.items()},
    )


def about_seats(facts: Facts) -> list[str]:
    """Return the violations that need no events to be seen."""
    wanted = ("was sold", "never on sale", "inventory", "ticket", "fan ")
    return [line for line in violations(facts) if any(word in line for word in wanted)]


@pytest.mark.timeout(180)
def test_200_fans_buy_50_seats_once_each(db_ready):
    outcomes, facts = on_sale()
    refused = [outcome for outcome in outcomes if isinstance(outcome, httpx.Response)]
    assert Counter((answer.status_code, answer.json()["code"]) for answer in refused) == {
        (409, "seat_taken"): FANS - SEATS
    }
    assert about_seats(facts) == []
    assert len(facts.tickets) == SEATS


@pytest.fixture
def tickets_for_everybody(db_ready) -> Iterator[None]:
    """Let a seat have two tickets: the last guard, which stops the second payment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [LIVE_SEAT_UNIQUE])
        [definition] = cursor.fetchone()
        cursor.execute(f"DROP INDEX {LIVE_SEAT_UNIQUE}")
    yield
    database.clean("default")
    with connection.cursor() as cursor:
        cursor.execute(definition)


@pytest.mark.control
@pytest.mark.timeout(180)
def test_control_without_row_locks_the_checker_reports_seats_sold_twice(
    tickets_for_everybody, monkeypatch
):
    without_the_gate(monkeypatch)
    without_row_locks(monkeypatch, second_is_later=True)
    _, facts = on_sale()
    assert any("was sold" in line for line in about_seats(facts))
