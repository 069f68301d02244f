"""Claims and endings of many keys in one statement: each as if it were alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, OperationalError, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idempotency import policy
from idempotency.errors import InProgress, KeyReused
from idempotency.models import Record
from idempotency.requests import KeyedRequest
from idempotency.usecases import endings, leases
from idempotency.usecases.endings import Ending, EndingAlone, close, close_at_once
from idempotency.usecases.leases import ClaimAlone, claim_at_once
from idempotency.values import Lease, StoredResponse
from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from tests.support.concurrency import at_once
from tests.support.interleaving import InBackground, await_a_waiting_session
from tests.support.round_trips import counted_round_trips

RESPONSE = StoredResponse(201, '{"id":"\\\\ \\"%s\\""}', {"Retry-After": "1"})


@pytest.fixture(autouse=True)
def _ready(db_ready):
    leases.breaker.reset()


def asked(number=None, body="b" * 64):
    return KeyedRequest(f"{number:064d}" if number is not None else uuid4().hex * 2, body)


def decided(claims):
    return [one.decide() if isinstance(one, ClaimAlone) else one for one in claims]


def claim_alone(request, now):
    try:
        return leases.claim(request_key=request.request_key, body_hash=request.body_hash, now=now)
    except (InProgress, KeyReused) as error:
        return error


@pytest.mark.parametrize("number", [1, 8, 64])
def test_a_batch_costs_one_statement_to_claim_and_one_to_end(number):
    now = clock.now()
    with counted_round_trips() as counts:
        mine = claim_at_once([asked() for _ in range(number)], now=now)
        ended = close_at_once([Ending(lease, RESPONSE) for lease in mine], now=now)
    assert {type(lease) for lease in mine} == {Lease}
    assert ended == [True] * number
    assert len(counts.sql) == 2, counts.sql
    assert Record.objects.filter(state="FINISHED", status=201).count() == number


def test_nobody_asks_for_nothing():
    with counted_round_trips() as counts:
        assert claim_at_once([], now=clock.now()) == []
        assert close_at_once([], now=clock.now()) == []
    assert counts.sql == []


def test_of_one_key_in_a_batch_the_first_has_the_lease():
    first, other = asked(1), asked(1, body="c" * 64)
    lease, *later = claim_at_once([first, first, other], now=clock.now())
    assert isinstance(lease, Lease)
    assert {type(one) for one in later} == {ClaimAlone}
    again, reused = [one.decide() for one in later]
    assert isinstance(again, InProgress)
    assert isinstance(reused, KeyReused)
    assert Record.objects.get().attempt == 1


def test_of_one_finished_key_in_a_batch_all_get_the_response():
    now = clock.now()
    [lease] = claim_at_once([asked(1)], now=now)
    close(Ending(lease, RESPONSE), now=now)
    found = decided(claim_at_once([asked(1), asked(1, "c" * 64), asked(1)], now=now))
    assert found[0] == found[2] == RESPONSE
    assert isinstance(found[1], KeyReused)


def test_only_who_holds_the_fence_may_end():
    now = clock.now()
    [slow] = claim_at_once([asked(1)], now=now)
    quick, other = claim_at_once([asked(1), asked(2)], now=now + policy.LEASE)
    assert quick.resumed
    ended = close_at_once([Ending(slow, RESPONSE), Ending(other, RESPONSE)], now=now)
    assert ended == [False, True]
    assert Record.objects.get(request_key=slow.request_key).state == "RUNNING"


@pytest.mark.control
def test_control_without_the_fence_a_slow_owner_ends_what_another_holds(monkeypatch):
    monkeypatch.setattr(
        endings, "_CLOSE", endings._CLOSE.replace("AND r.attempt = ended.fence", "")
    )
    now = clock.now()
    [slow] = claim_at_once([asked(1)], now=now)
    claim_at_once([asked(1)], now=now + policy.LEASE)
    assert close_at_once([Ending(slow, RESPONSE)], now=now) == [True]


class LockedRecord:
    """Another session's transaction that has written the record of a key."""

    def __init__(self, request):
        self._theirs = connections["idempotency"].copy()
        self._theirs.set_autocommit(False)
        with self._theirs.cursor() as cursor:
            cursor.execute(
                "SELECT FROM idempotency_record WHERE request_key = %s FOR UPDATE",
                [request.request_key],
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._theirs.rollback()
        self._theirs.close()


def test_who_meets_a_record_in_use_goes_alone_and_the_others_need_not_wait():
    now = clock.now()
    [lease] = claim_at_once([asked(1)], now=now)
    with LockedRecord(asked(1)):
        claimed = claim_at_once([asked(1), asked(2)], now=now)
        ended = close_at_once([Ending(lease, RESPONSE)], now=now)
        assert {type(one) for one in claimed} == {ClaimAlone}
        assert {type(one) for one in ended} == {EndingAlone}
        assert isinstance(claimed[1].decide(), Lease)
        waiting = InBackground(claimed[0].decide)
        await_a_waiting_session()
    assert isinstance(waiting.outcome(), InProgress)
    assert ended[0].decide() is True
    assert not leases.breaker._failed, "a lock is no failure of the database"


@pytest.mark.control
def test_control_without_its_limit_the_batch_waits_for_the_record(monkeypatch):
    monkeypatch.setattr(leases, "WAITS_LITTLE", "")
    now = clock.now()
    claim_at_once([asked(1)], now=now)
    with LockedRecord(asked(1)):
        waiting = InBackground(lambda: claim_at_once([asked(1), asked(2)], now=now))
        await_a_waiting_session()
        assert Record.objects.count() == 1
    assert isinstance(waiting.result()[1], Lease)


def test_the_limit_ends_with_its_statement():
    claim_at_once([asked(1)], now=clock.now())
    with connections["idempotency"].cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone()[0] not in ("0", f"{policy.BATCH_WAIT_MS}ms")


def test_batches_of_the_same_keys_at_once_wait_for_each_other_in_one_order():
    before, now = deadlocks_of_records(), clock.now()
    keys = list(range(20))
    results = at_once(
        [
            lambda turn=turn: claim_at_once(
                [asked(key) for key in (keys if turn % 2 else keys[::-1])], now=now
            )
            for turn in range(8)
        ]
    )
    found = decided([one for result in results for one in result])
    mine = [one for one in found if isinstance(one, Lease)]
    assert sorted(lease.request_key for lease in mine) == [asked(key).request_key for key in keys]
    assert {type(one) for one in found} == {Lease, InProgress}
    assert deadlocks_of_records() == before


def deadlocks_of_records():
    with connections["idempotency"].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("error", [DatabaseError("a statement"), RuntimeError("a defect")])
def test_after_an_error_each_claims_and_ends_alone(monkeypatch, error):
    now = clock.now()
    claimed_by, closed_by = leases._claimed, endings._closed

    def fails_for_several(requests, *args, **kwargs):
        if len(requests) > 1:
            raise error
        return claimed_by(requests, *args, **kwargs)

    def ends_alone(ended, *args, **kwargs):
        if len(ended) > 1:
            raise error
        return closed_by(ended, *args, **kwargs)

    monkeypatch.setattr(leases, "_claimed", fails_for_several)
    monkeypatch.setattr(endings, "_closed", ends_alone)
    mine = [one.decide() for one in claim_at_once([asked(1), asked(2)], now=now)]
    assert {type(one) for one in mine} == {Lease}
    ended = close_at_once([Ending(lease, RESPONSE) for lease in mine], now=now)
    assert [one.decide() for one in ended] == [True, True]


def test_while_the_database_is_away_everybody_hears_it_at_once(monkeypatch):
    calls = []

    def away(*_):
        calls.append(1)
        raise OperationalError("no connection")

    monkeypatch.setattr(leases, "connections", {"idempotency": type("C", (), {"cursor": away})()})
    found = claim_at_once([asked(1), asked(2)], now=clock.now())
    assert {type(one) for one in found} == {DependencyUnavailable}
    assert len(calls) == 1
    leases.breaker.reset()


# --- as one by one

KEYS = st.integers(0, 3)
BODIES = st.sampled_from(["b" * 64, "c" * 64])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.lists(st.tuples(KEYS, BODIES), min_size=1, max_size=6)),
        st.tuples(
            st.just("end"),
            st.lists(st.sampled_from(["keep", "untouched", "release"]), min_size=1, max_size=6),
        ),
        st.tuples(st.just("wait"), st.sampled_from([1, 31])),
    ),
    min_size=1,
    max_size=10,
)


class Twin:
    """Keys of its own, claimed and ended in batches or one by one."""

    def __init__(self, *, together):
        self.together, self.prefix = together, uuid4().hex
        self.leases, self.now = [], clock.now()

    def asked(self, number, body):
        return KeyedRequest(f"{self.prefix}{number:032d}", body)

    def claim(self, wanted):
        requests = [self.asked(*one) for one in wanted]
        if self.together:
            found = decided(claim_at_once(requests, now=self.now))
        else:
            found = [claim_alone(one, self.now) for one in requests]
        self.leases += [one for one in found if isinstance(one, Lease)]
        return [self.named(one) for one in found]

    def named(self, one):
        if isinstance(one, Lease):
            return (one.request_key[32:], one.fence, one.resumed)
        return one if isinstance(one, StoredResponse) else type(one)

    def end(self, ways):
        ended = [
            Ending(
                lease,
                StoredResponse(200, str(at), {"X": str(at)}) if way == "keep" else None,
                untouched=way == "untouched",
            )
            for at, (lease, way) in enumerate(zip(self.leases, ways, strict=False))
        ]
        self.leases = self.leases[len(ended) :]
        if len({one.lease.request_key for one in ended}) < len(ended) or not self.together:
            return [close(one, now=self.now) for one in ended]
        return close_at_once(ended, now=self.now)

    def rows(self):
        rows = Record.objects.filter(request_key__startswith=self.prefix).order_by("request_key")
        return [
            (r.request_key[32:], r.state, r.attempt, r.body_hash, r.status, r.body, r.headers,
             r.lease_until - self.now)
            for r in rows
        ]  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_batches_come_to_what_the_same_keys_come_to_one_by_one(steps):
    together, singly = Twin(together=True), Twin(together=False)
    for kind, what in steps:
        for twin in (together, singly):
            if kind == "wait":
                twin.now += timedelta(seconds=what)
        if kind == "claim":
            assert together.claim(what) == singly.claim(what)
        if kind == "end":
            assert together.end(what) == singly.end(what)
    assert together.rows() == singly.rows()
