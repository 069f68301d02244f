"""The final state of a sale for the checker of histories, read from the real stores."""

import json

import pytest

from proof.history.checker import contradictions
from proof.history.recorded import FinalState, History, made_of, members_of
from proof.history.stores import final_state, with_events
from tests.support.audited_sale import AuditedSale, corrupt, make_sale
from tests.support.factories import seat_ids
from tests.support.money import balance_of
from tests.support.outbox import relay_all


@pytest.fixture
def sale(db_ready, gateway) -> AuditedSale:
    return make_sale(gateway)


def state_of(sale: AuditedSale) -> FinalState:
    fans = [sale.buyer.pk, sale.by_card.user_id, sale.cancelled.user_id]
    return final_state(sale.performance.pk, fans)


def test_seats_owners_tickets_and_money_are_as_the_sale_left_them(sale):
    state, seats = state_of(sale), [str(seat) for seat in seat_ids(sale.performance)]
    assert "".join(state.seats[seat] for seat in seats) == "RRRARTTAAA"
    assert state.owners[seats[0]] == state.owners[seats[1]] == str(sale.by_points.id)
    assert state.owners[seats[5]] == str(sale.held.id)
    assert seats[3] not in state.owners
    assert (str(sale.by_points.id), seats[0]) in state.tickets
    assert len(state.tickets) == 4  # one of the two that were cancelled is void
    assert state.payments[str(sale.by_card.pk)] == str(sale.by_card.reservation_id)
    assert state.balances[str(sale.buyer.pk)] == balance_of(sale.buyer)


def test_it_goes_through_json_unchanged(sale):
    state = state_of(sale)
    assert made_of(FinalState, json.loads(json.dumps(members_of(state)))) == state


@pytest.mark.kafka
def test_all_events_are_in_the_topics_once(sale, kafka):
    corrupt("UPDATE events_outboxevent SET published_at = NULL")
    relay_all()
    state = with_events(state_of(sale))
    assert len(state.outbox) > 5
    # Topics keep what other tests published, which no row of this one's database has.
    assert set(state.outbox) <= set(state.published)
    alone = [event for event in state.published if event in set(state.outbox)]
    assert sorted(alone) == sorted(state.outbox)


@pytest.mark.kafka
@pytest.mark.control
def test_an_event_that_counts_as_published_and_is_not_is_found(sale, kafka):
    corrupt("UPDATE events_outboxevent SET published_at = NULL")
    relay_all()
    corrupt(
        "INSERT INTO events_outboxevent (id, shard, topic, type, source, aggregate_id, subject,"
        " data, request_id, traceparent, created_at, published_at, failure)"
        " SELECT id_of_another, shard, topic, type, source, aggregate_id, subject, data,"
        " request_id, traceparent, created_at, now(), ''"
        " FROM events_outboxevent, uuidv7() AS id_of_another LIMIT 1"
    )
    found = contradictions(History((), final=with_events(state_of(sale))))
    assert "1 events were not published" in " ".join(one.detail for one in found)


def test_without_kafka_there_are_no_events_to_compare(sale, settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    assert with_events(state_of(sale)).outbox is None
