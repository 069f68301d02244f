"""A crowd that holds, extends, releases and pays for the seats of one sale, at once and at random.

What its fans read is kept as spells, for `proof.history.spells.owned_twice`.
"""

import random
import threading
import time
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.db import OperationalError, connections

from kernel import clock
from proof.history.spells import Spell, owned_twice
from reservations.usecases import holds
from tests.support import factories, money
from tests.support.concurrency import at_once
from tests.support.wsgi import HOLDS

HOLD = 1  # seconds
LATE = (HOLD + 0.2, HOLD + 0.6)
FOREVER = float("inf")
LONGEST = 60  # seconds


def _seconds_of(text):
    return datetime.fromisoformat(text).timestamp()


class Haggler:
    """Holds random seats over and over, and does something with each hold."""

    def __init__(self, http, performance, seats, seed, crowd):
        self.http, self.performance, self.seats = http, performance, seats
        self.http.raise_request_exception = False
        self.choose = random.Random(seed)
        self.crowd = crowd
        self.spells = []
        self.answers = {}
        self.held = []

    def run(self):
        while not self.crowd.is_over():
            self.hold()
            for due in [hold for hold in self.held if hold[0] <= time.monotonic()]:
                self.held.remove(due)
                self.go_on_with(due)
        return self.answers

    def ask(self, what, method, path, body=None, **options):
        with self.crowd.server_threads:
            answer = getattr(self.http, method)(path, body, **options)
            connections.close_all()  # as after each request
        key = (what, answer.status_code)
        self.answers[key] = self.answers.get(key, 0) + 1
        return answer

    def hold(self):
        chosen = self.choose.sample(self.seats, self.choose.randint(1, 4))
        body = {"performance_id": str(self.performance.pk), "seat_ids": chosen}
        if self.choose.random() < 0.1:
            body = {
                "performance_id": str(self.performance.pk),
                "best_available": {"count": len(chosen)},
            }
        answer = self.ask("hold", "post", HOLDS, body)
        if answer.status_code == 201:
            made = answer.json()
            now = clock.now().timestamp()
            until = _seconds_of(made["expires_at"])
            spells = [Spell(seat["id"], made["id"], now, until) for seat in made["seats"]]
            self.spells += spells
            # Some at once, some after the hold has lapsed and somebody else has the seats.
            due = time.monotonic() + self.choose.choice(self.crowd.patience)
            self.held.append((due, made["id"], spells))

    def go_on_with(self, hold):
        _, reservation, spells = hold
        # In a small sale nobody pays: sold seats would end it.
        chance = self.choose.random() * (1.0 if self.crowd.paying else 0.6)
        asked_at = clock.now().timestamp()
        if chance < 0.35:
            if self.ask("release", "delete", f"{HOLDS}{reservation}/").status_code == 204:
                for spell in spells:
                    spell.until = min(spell.until, asked_at)
        elif chance < 0.6:
            answer = self.ask("extend", "post", f"{HOLDS}{reservation}/extend/")
            if answer.status_code == 200:
                for spell in spells:
                    spell.until = _seconds_of(answer.json()["expires_at"])
        elif chance < 0.68:
            answer = self.ask(
                "pay",
                "post",
                money.PAYMENTS,
                {"reservation_id": reservation, "method": "POINTS"},
                headers={"Idempotency-Key": money.new_key()},
            )
            if answer.status_code == 201:
                for spell in spells:
                    spell.until = FOREVER


class Crowd:
    """All clients at once, until the time is over or a violation is seen.

    `patience`: the seconds after which a client does something with a hold, one by chance.
    `served_at_once`: as many as connections, as the API has them; who comes more waits. On a slow
    machine it goes on until each of the `wanted` answers was given, for `LONGEST` seconds more.
    """

    def __init__(
        self,
        as_fan,
        *,
        clients,
        seats,
        seconds,
        paying=True,
        patience=(0.0, 0.2, 0.8, *LATE),
        served_at_once=settings.DATABASE_POOL_SIZE - 1,
        wanted=frozenset(),
    ):
        self.performance = factories.make_performance(
            seats=seats,
            price=10,
            hold_seconds=HOLD,
            hold_cap_seconds=3,
            max_seats_per_fan=20,
            lapses_before_backoff=0,
        )
        ids = [str(seat) for seat in factories.seat_ids(self.performance)]
        fans = [factories.make_user() for _ in range(clients)]
        for fan in fans:
            money.give_points(fan, 10_000_000)
        self.clients = [
            Haggler(as_fan(fan), self.performance, ids, seed, self) for seed, fan in enumerate(fans)
        ]
        self.server_threads = threading.BoundedSemaphore(served_at_once)
        self.seconds, self.paying, self.patience = seconds, paying, patience
        self.wanted = wanted
        self.ends = FOREVER
        self.seen = threading.Event()

    def is_over(self):
        late = time.monotonic() - self.ends
        return self.seen.is_set() or (late > 0 and (late > LONGEST or self.has_all_answers()))

    def has_all_answers(self):
        return self.wanted <= {key for client in self.clients for key in list(client.answers)}

    def run(self, *, until_violation=False):
        """Return the answers by kind and status, and what else happened."""
        self.ends = time.monotonic() + self.seconds

        def tidy():
            while not self.is_over():
                with suppress(OperationalError):  # no connection in time: the next tick sweeps
                    holds.expire_lapsed(now=clock.now())
                if until_violation and self.violations():
                    self.seen.set()
                connections.close_all()
                time.sleep(0.1)

        results = at_once([*(client.run for client in self.clients), tidy])
        failed = [result for result in results if isinstance(result, Exception)]
        answers = {}
        for client in self.clients:
            for key, count in client.answers.items():
                answers[key] = answers.get(key, 0) + count
        return answers, failed

    def violations(self):
        return owned_twice([spell for client in self.clients for spell in list(client.spells)])
