"""The control of every acceptance test that asks the history checker: it does report violations."""

from dataclasses import replace

import pytest

from proof.history.event_order import out_of_order
from proof.history.facts import Facts, FanPurchase, violations
from proof.history.spells import Spell, owned_twice
from tests.support.kafka_reader import Record

PRICE = 1000


def _record(number: int, type_: str, reservation: str, *, topic: str = "reservations") -> Record:
    event = {
        "id": f"{number:08x}-0000-7000-8000-000000000000",
        "type": type_,
        "data": {"reservation_id": reservation},
    }
    key = reservation if topic == "reservations" else f"payment of {reservation}"
    return Record(topic, 0, number, key, "application/cloudevents+json", event)


def _clean_sale() -> Facts:
    """Return a sale of three seats in two reservations in which everything adds up."""
    purchases = [
        FanPurchase("ann", "r1", ("s1", "s2"), 2 * PRICE),
        FanPurchase("ben", "r2", ("s3",), PRICE),
    ]
    return Facts(
        seats=frozenset({"s1", "s2", "s3", "s4"}),
        purchases=purchases,
        tickets=[("r1", "s1"), ("r1", "s2"), ("r2", "s3")],
        inventory={"s1": "r1", "s2": "r1", "s3": "r2"},
        before={"ann": 5 * PRICE, "ben": 5 * PRICE, "eve": 5 * PRICE},
        after={"ann": 3 * PRICE, "ben": 4 * PRICE, "eve": 5 * PRICE},
        records=[
            _record(1, "reservation.held", "r1"),
            _record(2, "reservation.held", "r2"),
            _record(3, "reservation.confirmed", "r1"),
            _record(4, "payment.paid", "r1", topic="payments"),
            _record(5, "reservation.confirmed", "r2"),
            _record(6, "payment.paid", "r2", topic="payments"),
        ],
        statistics=(2, 3, 3 * PRICE),
    )


def test_a_clean_sale_has_no_violations():
    assert violations(_clean_sale()) == []


def _double_sale(facts: Facts) -> None:
    facts.purchases.append(FanPurchase("eve", "r3", ("s3",), PRICE))


def _ticket_lost(facts: Facts) -> None:
    facts.tickets.pop()


def _two_tickets(facts: Facts) -> None:
    facts.tickets.append(facts.tickets[0])


def _ticket_unpaid(facts: Facts) -> None:
    facts.tickets.append(("r9", "s4"))


def _paid_twice(facts: Facts) -> None:
    facts.after["ann"] -= PRICE


def _not_charged(facts: Facts) -> None:
    facts.after["ben"] += PRICE


def _event_lost(facts: Facts) -> None:
    del facts.records[4]


def _second_id(facts: Facts) -> None:
    facts.records.append(_record(7, "reservation.confirmed", "r2"))


def _held_twice(facts: Facts) -> None:
    facts.records.insert(2, _record(1_000_000, "reservation.held", "r2"))


def _published_twice(facts: Facts) -> None:
    facts.records.append(facts.records[4])


def _sold_behind_our_back(facts: Facts) -> None:
    facts.inventory["s4"] = "r9"


def _counted_twice(facts: Facts) -> None:
    facts.statistics = (3, 5, 5 * PRICE)


@pytest.mark.control
@pytest.mark.parametrize(
    ("harm", "report"),
    [
        (_double_sale, "seat s3 was sold 2 times"),
        (_ticket_lost, "no ticket for seat s3"),
        (_two_tickets, "2 tickets for seat s1"),
        (_ticket_unpaid, "a ticket for seat s4 that nobody bought"),
        (_paid_twice, "fan ann had 5000, spent 2000, has 2000"),
        (_not_charged, "fan ben had 5000, spent 1000, has 5000"),
        (_event_lost, "0 reservation.confirmed for reservation r2"),
        (_second_id, "2 reservation.confirmed for reservation r2"),
        (_held_twice, "2 reservation.held for reservation r2"),
        (_published_twice, "1 reservation.confirmed were published more than once"),
        (_sold_behind_our_back, "the inventory disagrees on 1 seats"),
        (_counted_twice, "statistics counted (3, 5, 5000) instead of (2, 3, 3000)"),
    ],
)
def test_every_violation_is_reported(harm, report):
    facts = _clean_sale()
    harm(facts)
    assert report in violations(facts)


def test_a_repetition_after_a_crash_is_no_violation():
    facts = _clean_sale()
    _published_twice(facts)
    assert violations(facts, repeats_allowed=True) == []


@pytest.mark.control
def test_a_later_event_in_front_of_an_earlier_one_is_reported():
    held = _record(1, "reservation.held", "r1")
    confirmed = _record(2, "reservation.confirmed", "r1")
    assert out_of_order([held, confirmed]) == []
    assert len(out_of_order([confirmed, held])) == 2


@pytest.mark.control
def test_two_ends_of_one_reservation_are_reported():
    records = [
        _record(1, "reservation.held", "r1"),
        _record(2, "reservation.expired", "r1"),
        _record(3, "reservation.confirmed", "r1"),
    ]
    assert out_of_order(records) == ["r1 was reservation.expired and then reservation.confirmed"]
    other = replace(records[2], key="r2")
    assert out_of_order([records[0], records[1], other]) == []


@pytest.mark.parametrize(
    ("spells", "twice"),
    [
        ([("s1", "a", 0, 5), ("s1", "b", 5, 9)], 0),  # the moment it ends it is free
        ([("s1", "a", 0, 5), ("s2", "b", 1, 9)], 0),
        ([("s1", "a", 0, 5), ("s1", "b", 4.9, 9)], 1),
        ([("s1", "a", 0, 9), ("s1", "b", 2, 3), ("s1", "c", 4, 5)], 2),  # inside a longer one
        ([("s1", "b", 2, 3), ("s1", "a", 0, float("inf"))], 1),  # whatever the order of telling
        ([("s1", "a", 0, 5), ("s1", "a", 4, 9)], 0),  # its own
        ([("s1", "a", 0, 5), ("s1", "b", 4, 4)], 0),  # given up before it was heard of
    ],
)
def test_a_seat_had_by_two_at_once_is_reported(spells, twice):
    assert len(owned_twice([Spell(*spell) for spell in spells])) == twice
