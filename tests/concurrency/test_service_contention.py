"""64 clients at 500 seats through the running service: overlapping seats, lapses, payments.

FRONTROW_CONTENTION_SECONDS says for how long (8).
"""

import os
import threading

import pytest
from django.conf import settings

from kernel import clock
from reservations.models import Reservation
from tests.support.database import deadlocks
from tests.support.fastpath_process import ROWS, FastPathProcess, ThroughService
from tests.support.hagglers import LATE, Crowd
from tests.support.holding import inventory_disagreements, seats_held_twice
from tests.support.unguarded import without_the_gate

pytestmark = pytest.mark.concurrency

SECONDS = float(os.environ.get("FRONTROW_CONTENTION_SECONDS", "8"))
CLIENTS = 64
WANTED = {("hold", 201), ("hold", 409), ("release", 204), ("extend", 200), ("pay", 201)}


def through(service, as_fan):
    """Return what makes the clients of fans, and the clients it has made."""
    made = []
    api_threads = threading.BoundedSemaphore(settings.DATABASE_POOL_SIZE - 1)

    def client_of(fan):
        made.append(ThroughService(service, as_fan(fan), api_threads))
        return made[-1]

    return client_of, made


@pytest.mark.timeout(SECONDS + 180)
def test_64_clients_at_500_seats_through_the_service(as_fan, db_ready):
    before = deadlocks()
    with FastPathProcess() as service:
        client_of, clients = through(service, as_fan)
        crowd = Crowd(
            client_of,
            clients=CLIENTS, seats=500, seconds=SECONDS, served_at_once=CLIENTS, wanted=WANTED,
        )  # fmt: skip
        answers, failed = crowd.run()
        for client in clients:
            client.close()
    assert failed == []
    assert {status for _, status in answers if status >= 500} <= {503}
    busy = sum(count for (_, status), count in answers.items() if status >= 500)
    assert busy <= CLIENTS + sum(answers.values()) / 100, answers
    assert crowd.violations() == []
    assert deadlocks() == before
    assert set(answers) >= WANTED, answers
    # Nine of ten holds name their seats, and none of those needs the API.
    holds = sum(count for (what, _), count in answers.items() if what == "hold")
    assert sum(client.answered for client in clients) > 0.8 * holds
    assert Reservation.objects.filter(status="EXPIRED").exists()
    now = clock.now()
    assert seats_held_twice(now) == []
    assert inventory_disagreements(now) == []


@pytest.mark.control
@pytest.mark.timeout(300)
def test_control_a_service_that_believes_no_row_is_reported(as_fan, db_ready, monkeypatch):
    without_the_gate(monkeypatch)
    with FastPathProcess(without=ROWS) as service:
        client_of, clients = through(service, as_fan)
        crowd = Crowd(
            client_of,
            clients=16, seats=12, seconds=200, paying=False, patience=LATE, served_at_once=16,
        )  # fmt: skip
        crowd.run(until_violation=True)
        for client in clients:
            client.close()
    assert crowd.violations() != []
