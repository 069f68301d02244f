"""The API killed while its payments commit: each is made once, whether the commit went through."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg

from proof.history.facts import FanPurchase, violations
from stack.data_dir import DataDir
from stack.postgres.cluster import SUPERUSER
from tests.acceptance.test_on_sale import collect
from tests.support.faults import POINTS, fans, not_promised, watched
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import Site
from tests.support.waiting import await_that

# A deferred trigger runs inside COMMIT: there each payment waits for its reservation's lock. The
# sessions' own lock_timeout would end the wait.
_HANG = """
    CREATE FUNCTION test_commit_waits() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711, hashtext(NEW.reservation_id::text));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER test_commit_waits AFTER INSERT ON payments_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test_commit_waits();
"""
_LET_GO = """
    DROP TRIGGER IF EXISTS test_commit_waits ON payments_payment;
    DROP FUNCTION IF EXISTS test_commit_waits();
"""
_IN_COMMIT = """
    SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND NOT granted AND query = 'COMMIT' AND classid = 4711
      AND objid = (hashtext(%s)::bigint & 4294967295)::oid
"""


class Commits:
    """Payments' commits that hang, by reservation."""

    def __init__(self, admin: psycopg.Connection) -> None:
        self._admin = admin

    def hang(self, reservation: str) -> None:
        self._admin.execute("SELECT pg_advisory_lock(4711, hashtext(%s))", [reservation])

    def under_way(self, reservation: str) -> int | None:
        """Return the session that is amid the commit."""
        row = self._admin.execute(_IN_COMMIT, [reservation]).fetchone()
        return row[0] if row else None

    def go_on(self, reservation: str) -> None:
        self._admin.execute("SELECT pg_advisory_unlock(4711, hashtext(%s))", [reservation])

    def fail(self, reservation: str) -> None:
        """End the session, which undoes the transaction."""
        pid = self.under_way(reservation)
        self._admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        self.go_on(reservation)


@contextmanager
def commits(site: Site) -> Iterator[Commits]:
    """Let payments' commits hang at will."""
    place = {"user": SUPERUSER, "password": DataDir(site.data).passwords.superuser}
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True, **place) as admin:
        admin.execute(_HANG)
        try:
            yield Commits(admin)
        finally:
            admin.execute("SELECT pg_advisory_unlock_all()")
            admin.execute(_LET_GO)


def test_the_api_killed_at_commit_each_payment_is_made_once(site: Site, kafka_records: KafkaReader):
    sale = site.sale(seats=4)
    shoppers = fans(site, 2)
    failures = watched(shoppers)
    orders = [
        _order(sale.performance_id, *one) for one in zip(shoppers, sale.seat_ids, strict=False)
    ]
    kept, lost = (order["json"]["reservation_id"] for order in orders)

    def pay(number: int) -> httpx.Response:
        return shoppers[number].send("POST", "/payments/", **orders[number])

    with ThreadPoolExecutor(len(shoppers)) as pool:
        with commits(site) as committing:
            committing.hang(kept)
            committing.hang(lost)
            paying = [pool.submit(pay, number) for number in range(len(shoppers))]
            for reservation in (kept, lost):
                await_that(lambda id_=reservation: committing.under_way(id_), "its commit hangs")
            _kill_workers(site)
            # The primary doesn't know yet that nobody waits for it any more.
            assert committing.under_way(kept)
            committing.fail(lost)
            committing.go_on(kept)
            before = await_that(lambda: _payments(site, kept), "the commit went through")
            assert _payments(site, lost) == []
        answers = [one.result(timeout=90) for one in paying]

    assert failures, "the kill met no request"
    assert not_promised(failures) == []
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answers[0].json()["id"]] == before
    for number, (reservation, answer) in enumerate(zip((kept, lost), answers, strict=True)):
        assert _payments(site, reservation) == [answer.json()["id"]]
        again = pay(number)
        assert (again.status_code, again.json()) == (201, answer.json())
    purchases = [
        FanPurchase(shopper.fan.user_id, reservation, (seat,), answer.json()["amount"]["amount"])
        for shopper, reservation, seat, answer in zip(
            shoppers, (kept, lost), sale.seat_ids, answers, strict=False
        )
    ]
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts) == []


def _order(performance_id: str, shopper: Shopper, seat: str) -> dict[str, Any]:
    """Hold a seat and return the request that pays for it: with a query, the API answers it."""
    held = shopper.hold(performance_id, [seat])
    assert held.status_code == 201, held.text
    return {
        "json": {"reservation_id": held.json()["id"], "method": "POINTS"},
        "headers": {"Idempotency-Key": str(uuid4())},
        "params": {"by": "api"},
    }


def _kill_workers(site: Site) -> None:
    workers = psutil.Process(site.process("api")["pid"]).children(recursive=True)
    assert workers
    for worker in workers:
        worker.kill()


def _payments(site: Site, reservation: str) -> list[str]:
    statement = "SELECT id FROM payments_payment WHERE reservation_id = %s AND status = 'PAID'"
    return [str(row[0]) for row in site.rows(statement, reservation)]
