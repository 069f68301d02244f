"""Who may execute the request of a key, under which id, and for how long its record is kept."""

from datetime import timedelta

import pytest
from django.db import connections
from prometheus_client import REGISTRY

from idempotency import policy
from idempotency.errors import InProgress
from idempotency.models import Record
from idempotency.usecases import leases
from idempotency.values import StoredResponse
from kernel import clock
from tests.support.interleaving import in_another_session
from tests.support.leases import finish, release
from tests.support.money import CHARGES, post


def lost_leases() -> float:
    labels = {"reason": "lease_lost"}
    return REGISTRY.get_sample_value("frontrow_idempotency_unfinished_total", labels) or 0.0


def test_who_lost_the_lease_can_not_finish():
    now = clock.now()
    slow = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    later = now + policy.LEASE
    quick = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=later)
    assert (slow.resumed, quick.resumed) == (False, True)
    assert quick.resource_id == slow.resource_id
    lost = lost_leases()
    assert finish(slow, response=StoredResponse(201, '"slow"')) is False
    assert release(slow, now=later, untouched=True) is False
    assert lost_leases() == lost + 2
    assert finish(quick, response=StoredResponse(201, '"quick"')) is True
    assert lost_leases() == lost + 2
    kept = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=later)
    assert kept == StoredResponse(201, '"quick"', {})


def test_a_key_given_back_after_the_end_keeps_its_response(db_ready):
    now = clock.now()
    lease = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    response = StoredResponse(201, '"made"', {})
    assert finish(lease, response=response) is True
    assert release(lease, now=now, untouched=True) is False
    assert finish(lease, response=StoredResponse(409, '"late"')) is False
    assert leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now) == response


def test_giving_a_key_back_leaves_those_of_others_alone():
    now = clock.now()
    mine, other = (leases.claim(request_key=key * 64, body_hash="b" * 64, now=now) for key in "mo")
    assert release(mine, now=now, untouched=True) is True
    with pytest.raises(InProgress):
        leases.claim(request_key="o" * 64, body_hash="b" * 64, now=now)
    assert finish(other, response=StoredResponse(201, '"other"')) is True


@pytest.mark.parametrize("moment", [timedelta(0), policy.LEASE - timedelta(microseconds=1)])
def test_a_live_lease_is_not_taken_over(moment):
    now = clock.now()
    leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    with pytest.raises(InProgress):
        leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now + moment)


def test_a_key_refused_day_after_day_keeps_no_old_id(db_ready):
    now = clock.now()
    first = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    ids = {first.resource_id}
    for hours in range(1, 4):
        release(first, now=now, untouched=True)
        first = leases.claim(
            request_key="k" * 64, body_hash="c" * 64, now=now + timedelta(hours=hours)
        )
        assert not first.resumed
        ids.add(first.resource_id)
    assert len(ids) == 4


def test_a_key_that_may_have_made_something_keeps_its_id(db_ready):
    now = clock.now()
    first = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    release(first, now=now, untouched=False)
    again = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    assert again.resumed
    assert again.resource_id == first.resource_id


def test_the_purge_forgets_what_is_old_and_only_that(as_fan, fan, charging, monkeypatch):
    monkeypatch.setattr(policy, "PURGE_BATCH", 2)
    monkeypatch.setattr(policy, "PURGE_BATCHES", 2)
    for _ in range(6):
        post(as_fan(fan), CHARGES, {"amount": 5_000})
    now = clock.now()
    assert leases.purge(now=now + timedelta(hours=24)) == 0
    kept = Record.objects.order_by("expires_at").last()
    Record.objects.filter(pk=kept.pk).update(expires_at=kept.expires_at + timedelta(hours=1))
    assert leases.purge(now=now + policy.RETENTION) == 4  # bounded
    assert leases.purge(now=now + policy.RETENTION) == 1
    assert Record.objects.get() == kept


def test_the_purge_leaves_a_record_that_was_claimed_meanwhile(db_ready):
    """Found past its time, and claimed again before it is deleted."""
    now = clock.now()
    first = leases.claim(request_key="k" * 64, body_hash="b" * 64, now=now)
    release(first, now=now, untouched=True)
    later, claimed = now + policy.RETENTION, []

    def claim_before_the_delete(execute, sql, params, many, context):
        if sql.startswith("DELETE") and not claimed:
            claimed.append(
                in_another_session(
                    lambda: leases.claim(request_key="k" * 64, body_hash="b" * 64, now=later)
                )
            )
        return execute(sql, params, many, context)

    with connections["idempotency"].execute_wrapper(claim_before_the_delete):
        assert leases.purge(now=later) == 0
    assert claimed
    assert Record.objects.get().attempt == claimed[0].fence
