"""Looking at the outbox costs the same however much waits; with a control."""

import pytest
from django.db import connection

from events import queries, relay
from events.ids import SHARDS
from kernel import clock
from kernel.ids import first_uuid7_at


def pages_read(statement: str, parameters: list | dict) -> int:
    """Return how many pages a statement looks at."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
        [[plan]] = cursor.fetchone()
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]


MONTH = first_uuid7_at(clock.now())
_MANY = """
    INSERT INTO events_outboxevent (id, shard, topic, type, source, aggregate_id, subject, data,
                                    request_id, traceparent, created_at, failure)
    SELECT overlay(month.id::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, n %% %s, 't',
           't', 's', gen_random_uuid(), 's', '{}', '', '', now(), ''
      FROM generate_series(%s, %s) AS n, (SELECT %s::uuid AS id) AS month
"""
LOOKS = {
    "what waits": (relay._BACKLOG, [list(range(SHARDS))]),
    "what is sent next": (relay._READ, [list(range(SHARDS)), 10]),
    "state": (queries._STATE, {"bound": 100, "shards": SHARDS}),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_the_outbox_costs_the_same_however_much_waits(look):
    statement, parameters = LOOKS[look]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_outboxevent")  # its pages too, which deleted rows leave
    costs = []
    for first, rows in ((1, 2_000), (2_001, 20_000)):
        with connection.cursor() as cursor:
            cursor.execute(_MANY, [SHARDS, first, rows, MONTH])
            cursor.execute("VACUUM (ANALYZE) events_outboxevent")
        costs.append(pages_read(statement, parameters))
    few, many = costs
    assert many < few + 100, costs  # 20,000 rows fill some 700 pages


@pytest.mark.control
def test_control_a_look_that_reads_what_waits_costs_more_the_more_waits():
    statement = "SELECT DISTINCT shard FROM events_outboxevent WHERE published_at IS NULL"
    LOOKS["distinct"] = (statement, [])
    try:
        with pytest.raises(AssertionError, match=r"\["):
            test_looking_at_the_outbox_costs_the_same_however_much_waits("distinct")
    finally:
        del LOOKS["distinct"]
