"""Idempotency without its records: nothing is executed, and nobody is kept from finishing."""

import pytest
from django.db import OperationalError, connections

from idempotency.models import Record
from idempotency.usecases import leases
from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from payments.models import Charge
from tests.support.money import (
    CHARGES,
    balance_of,
    new_key,
    post,
)

pytestmark = pytest.mark.usefixtures("charging")
AMOUNT = {"amount": 5_000}


@pytest.fixture
def records_away():
    """Point the alias at a port where nobody listens."""
    connection = connections["idempotency"]
    kept = dict(connection.settings_dict), dict(connection.settings_dict["OPTIONS"]["pool"])
    connection.close()
    connection.close_pool()
    connection.settings_dict["PORT"] = "1"
    connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 0.3

    def back() -> None:
        connection.close()
        connection.close_pool()
        connection.settings_dict.update(kept[0])
        connection.settings_dict["OPTIONS"]["pool"].update(kept[1])
        leases.breaker.reset()

    yield back
    back()


def test_without_the_records_nothing_is_executed(as_fan, fan, records_away):
    for _ in range(5):
        answer = post(as_fan(fan), CHARGES, AMOUNT)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) >= 1
    assert leases.breaker.is_open
    assert not Charge.objects.exists()
    records_away()
    assert post(as_fan(fan), CHARGES, AMOUNT).status_code == 201


def test_an_answer_that_can_not_be_kept_is_given_all_the_same(as_fan, fan, request, monkeypatch):
    """The records become unavailable between claim and finish; later the retry resumes."""
    key = new_key()
    claim = leases.claim

    def claim_and_lose_the_database(**arguments):
        claimed = claim(**arguments)
        request.getfixturevalue("records_away")
        return claimed

    with monkeypatch.context() as patch:
        patch.setattr(leases, "claim", claim_and_lose_the_database)
        first = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert first.status_code == 201
    request.getfixturevalue("records_away")()
    assert post(as_fan(fan), CHARGES, AMOUNT, key=key).status_code == 409
    Record.objects.update(lease_until=clock.now())
    again = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert balance_of(fan) == 5_000


def test_an_open_breaker_keeps_nobody_from_finishing(as_fan, fan, monkeypatch):
    """Others' claims time out while this one executes; its answer is kept all the same."""
    key, claim = new_key(), leases.claim

    def refuse():
        raise OperationalError("no connection in time")

    def claim_and_open_the_breaker(**arguments):
        claimed = claim(**arguments)
        while not leases.breaker.is_open:
            with pytest.raises(DependencyUnavailable):
                leases.breaker.call(refuse)
        return claimed

    monkeypatch.setattr(leases, "claim", claim_and_open_the_breaker)
    first = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    monkeypatch.undo()
    leases.breaker.reset()
    again = post(as_fan(fan), CHARGES, AMOUNT, key=key)
    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
