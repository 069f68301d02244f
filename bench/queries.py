"""The product's own queries with and without the index that each is for, on a seeded database.

The statement is caught while the product's code runs, then explained (ANALYZE, BUFFERS) with the
index and, in a transaction that is rolled back, without it. Import once Django is set up.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import RefreshToken, User
from bench import scale
from bench.fixtures import make_hall, seat_ids
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from payments.models import Payment
from points import queries as points
from reservations import queries as reservations
from tickets import queries as tickets
from webhooks import queries as webhooks

_SEED = {
    "events_outboxevent": """
        INSERT INTO events_outboxevent
               (id, shard, topic, type, source, aggregate_id, subject, data,
                request_id, traceparent, created_at, published_at, failure)
        SELECT uuidv7(), n %% 16, 'frontrow.reservations.v1', 'reservation.held',
               '/frontrow/reservations', gen_random_uuid(), '', '{}', '', '', now(),
               CASE WHEN n > 50 THEN now() END, ''
          FROM generate_series(1, %(rows)s) n
    """,
    "points_entry": """
        WITH moved AS (
            INSERT INTO points_transfer (id, kind, reference, currency, created_at)
            SELECT uuidv7(), 'charge', gen_random_uuid(), 'KRW', now()
              FROM generate_series(1, %(rows)s) RETURNING id)
        INSERT INTO points_entry (id, transfer_id, account_id, amount, balance_after)
        SELECT uuidv7(), id, CASE WHEN row_number() OVER () %% 1000 = 0 THEN %(account)s
                                  ELSE gen_random_uuid() END, 1, 1 FROM moved
    """,
    "reservations_seatinventory": """
        INSERT INTO reservations_seatinventory (seat_id, performance_id, index, status)
        SELECT uuidv7(), md5((n / 5000)::text)::uuid, n %% 5000, 'AVAILABLE'
          FROM generate_series(1, %(rows)s) n
    """,
    "tickets_ticket": """
        INSERT INTO tickets_ticket
               (id, code, reservation_id, user_id, performance_id, seat_id, status,
                issued_at, changed_at)
        SELECT uuidv7(), lpad(n::text, 12, '0'), gen_random_uuid(),
               (%(fans)s::uuid[])[1 + n %% 2000],
               CASE WHEN n <= 5000 THEN %(performance)s ELSE md5((n / 5000)::text)::uuid END,
               CASE WHEN n <= 5000 THEN (%(seats)s::uuid[])[n] ELSE gen_random_uuid() END,
               'VALID', now(),
               now() - interval '1 hour' * CASE WHEN n %% 100 = 0 THEN 0 ELSE 2 END
          FROM generate_series(1, %(rows)s) n
    """,
    "webhooks_webhookdelivery": """
        INSERT INTO webhooks_webhookdelivery
               (id, endpoint_id, event_id, event_type, payload, status, created_at, begun_at,
                due_at, fence, tries, retries, last_response, failure, delivered_at)
        SELECT uuidv7(), CASE WHEN n %% 1000 = 0 THEN %(endpoint)s ELSE gen_random_uuid() END,
               gen_random_uuid(), 'reservation.held', '{}', 'DELIVERED', now(), now(), now(),
               0, 1, 0, '', '', now()
          FROM generate_series(1, %(rows)s) n
    """,
    "accounts_refreshtoken": """
        INSERT INTO accounts_refreshtoken (jti, sid, issued_at, expires_at)
        SELECT gen_random_uuid(), 'session-' || (n / 5), now(), now() + interval '30 days'
          FROM generate_series(1, %(rows)s) n
    """,
    "payments_payment": """
        INSERT INTO payments_payment
               (id, user_id, currency, request_key, created_at, paid_at, reservation_id, method,
                status, amount, points_amount)
        SELECT uuidv7(), gen_random_uuid(), 'KRW', md5(n::text) || md5(n::text), now(), now(),
               CASE WHEN n = 7 THEN %(reservation)s ELSE gen_random_uuid() END,
               'POINTS', 'PAID', 1000, 1000
          FROM generate_series(1, %(rows)s) n
    """,
}


_PARTITION = re.compile(r"_p20\d.*")


@dataclass(frozen=True)
class _Query:
    """A read of the product, what it is for, and the index without which it is explained again."""

    name: str
    index: str
    run: Callable[[], Any]
    table: str  # which of its statements is meant


def measure(rows: int) -> dict[str, Any]:
    """Return each query's plan with and without its index."""
    made = [User(email=f"query-{n}@example.com") for n in range(2_000)]
    fans = [user.pk for user in User.objects.bulk_create(made)]
    performance = make_hall(5_000)
    scale.fill(rows, performance)
    keys: dict[str, Any] = {
        "rows": rows,
        "account": fans[0],
        "fans": fans,
        "seats": seat_ids(performance),
        "performance": performance.pk,
        "endpoint": uuid7(),
        "reservation": uuid7(),
    }
    # A connection of its own: the product's give up a statement that takes longer than a request.
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as seeding:
        seeding.execute("SET session_replication_role = replica")
        for statement in _SEED.values():
            seeding.execute(statement, keys)
        seeding.execute("VACUUM ANALYZE")
    found = {one.name: _explained(one) for one in _queries(keys)}
    return {"rows": rows, "queries": found}


def _queries(keys: dict[str, Any]) -> list[_Query]:
    account, performance, now = keys["account"], keys["performance"], clock.now()
    fan_of_a_year = UUID("00000000-0000-7000-8000-000000000007")
    return [
        _Query(
            "a fan's reservations",
            "reservations_fan_by_cap",
            lambda: list(reservations.mine(user_id=fan_of_a_year, now=now).order_by("-id")[:20]),
            "reservations_reservation",
        ),
        _Query(
            "the availability string of a hall",
            "reservations_inventory_index_unique",
            lambda: reservations.availability(performance_id=performance, now=now),
            "reservations_seatinventory",
        ),
        _Query(
            "the relay's next events of a shard",
            "events_outbox_unpublished",
            _next_events,
            "events_outboxevent",
        ),
        _Query(
            "a fan's points, newest first",
            "points_entry_by_account",
            lambda: list(points.entries(user_id=account).order_by("-id")[:20]),
            "points_entry",
        ),
        _Query(
            "tickets that changed, for the doors",
            "tickets_ticket_changed",
            lambda: tickets.admission_list(
                performance_id=performance, since=now - timedelta(minutes=5)
            ),
            "tickets_ticket",
        ),
        _Query(
            "an endpoint's deliveries, newest first",
            "webhooks_delivery_of_endpoint",
            lambda: list(webhooks.deliveries_of(keys["endpoint"]).order_by("-id")[:20]),
            "webhooks_webhookdelivery",
        ),
        _Query(
            "the refresh tokens of a login",
            "accounts_refreshtoken_sid",
            lambda: list(RefreshToken.objects.filter(sid="session-77")),
            "accounts_refreshtoken",
        ),
        _Query(
            "the payment that a repeated request made",
            "payments_payment_request_unique",
            lambda: list(Payment.objects.filter(request_key="0" * 64)),
            "payments_payment",
        ),
    ]


def _next_events() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM events_outboxevent WHERE shard = 3 AND published_at IS NULL"
            " AND dead_at IS NULL ORDER BY position LIMIT 100"
        )


def _explained(query: _Query) -> dict[str, Any]:
    with CaptureQueriesContext(connection) as caught:
        query.run()
    statement = next(one["sql"] for one in caught if query.table in one["sql"])
    return {
        "index": query.index,
        "statement": " ".join(statement.split())[:600],
        "with": _plan(statement),
        "without": _plan_without(query, statement),
    }


class _RolledBackError(Exception):
    """The index is there again."""


def _plan_without(query: _Query, statement: str) -> dict[str, Any]:
    plan: dict[str, Any] = {}
    try:
        with transaction():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s",
                    [query.index],
                )
                owner = cursor.fetchone()
                if owner:
                    cursor.execute(f"ALTER TABLE {owner[0]} DROP CONSTRAINT {query.index}")
                else:
                    cursor.execute(f"DROP INDEX {query.index}")
            plan = _plan(statement)
            raise _RolledBackError
    except _RolledBackError:
        return plan


def _plan(statement: str) -> dict[str, Any]:
    """Return what PostgreSQL does when it is asked a second time: scans, time and pages."""
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
            [found] = cursor.fetchone()
    [top] = json.loads(found) if isinstance(found, str) else found
    plan = top["Plan"]
    return {
        "ms": round(top["Execution Time"], 3),
        "pages": plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        "scans": [
            f"{scan}, {times} x" if times > 1 else scan
            for scan, times in sorted(Counter(_scans(plan)).items())
        ],
        "rows_read": sum(_rows_read(plan)),
    }


def _scans(plan: dict[str, Any]) -> list[str]:
    """Return each scan by its kind and what it reads, a table's partitions as one."""
    named = plan.get("Relation Name") or plan.get("Index Name") or ""
    table = _PARTITION.sub("", named)
    index = plan.get("Index Name", "")
    if index and table != named:
        index = "by its index"
    shown = " ".join(dict.fromkeys(word for word in (plan["Node Type"], table, index) if word))
    own = [shown] if "Scan" in plan["Node Type"] else []
    return own + [one for inner in plan.get("Plans", []) for one in _scans(inner)]


def _rows_read(plan: dict[str, Any]) -> list[int]:
    own = []
    if "Scan" in plan["Node Type"]:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get(
            "Rows Removed by Index Recheck", 0
        )
        own = [round((plan["Actual Rows"] + removed) * plan["Actual Loops"])]
    return own + [one for inner in plan.get("Plans", []) for one in _rows_read(inner)]
