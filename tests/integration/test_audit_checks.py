"""Each check of an audit finds what it is there for, and nothing in a sale that went well.

Every test of this file but the first is a control: without the corruption nothing is found.
"""

from datetime import timedelta
from uuid import uuid4

import pytest

from kernel import clock
from kernel.ids import uuid7
from points.policy import SALES
from proof.checks import CHECKS, INSIDE
from proof.findings import AuditScope
from reservations.usecases import sale as sale_use_cases
from tests.support.audited_sale import AuditedSale, audited, corrupt, found, make_sale
from tests.support.factories import make_performance
from tests.support.holding import put_claim


@pytest.fixture
def sale(db_ready, gateway) -> AuditedSale:
    return make_sale(gateway)


def test_a_sale_in_which_everything_happened_is_clean(sale, gateway):
    report = audited()
    assert (report.outcome, report.violations) == ("clean", [])
    assert [one.check for one in report.results] == [one.name for one in CHECKS]
    looked_at = {one.check: one.looked_at for one in report.results}
    assert looked_at["seat_has_one_owner"] == 1
    assert looked_at["points_of_payments_moved"] == 4
    assert looked_at["balances_are_sums"] == 5
    assert looked_at["charges_bought_points"] == 1


def test_before_anything_is_sold_it_is_clean(db_ready):
    make_performance(seats=3)
    assert audited().outcome == "clean"


def test_a_performance_that_is_not_on_sale_is_not_looked_at(db_ready):
    make_performance(seats=3, on_sale=False)
    report = audited(checks=INSIDE)
    assert (report.outcome, report.results[0].looked_at) == ("clean", 0)


def seat_of_another(sale):
    corrupt(
        "INSERT INTO reservations_reservationseat (id, reservation_id, seat_id, price, currency)"
        " VALUES (%s, %s, %s, 0, 'KRW')",
        uuid7(),
        sale.by_card.reservation_id,
        sale.by_points.seats[0].seat_id,
    )


def ticket_of_another(sale):
    seat = sale.by_points.seats[0].seat_id
    corrupt(
        "UPDATE tickets_ticket SET reservation_id = %s WHERE seat_id = %s",
        sale.by_card.reservation_id,
        seat,
    )


def seat_without_a_row(sale):
    corrupt("DELETE FROM reservations_seatinventory WHERE seat_id = %s", sale.free)


def seat_at_another_index(sale):
    corrupt("UPDATE reservations_seatinventory SET index = 500 WHERE seat_id = %s", sale.free)


def held_seat_is_sold(sale):
    corrupt(
        "UPDATE reservations_seatinventory SET status = 'RESERVED', held_until = NULL"
        " WHERE reservation_id = %s",
        sale.held.id,
    )


def bought_seat_is_free(sale):
    corrupt(
        "UPDATE reservations_seatinventory SET status = 'AVAILABLE', reservation_id = NULL"
        " WHERE seat_id = %s",
        sale.by_points.seats[0].seat_id,
    )


def hold_of_nobody(sale):
    corrupt("UPDATE reservations_reservation SET status = 'EXPIRED' WHERE id = %s", sale.held.id)


def hold_without_end(sale):
    corrupt(
        "UPDATE reservations_seatinventory SET held_until = held_until + interval '1 day'"
        " WHERE reservation_id = %s",
        sale.held.id,
    )


def limit_passed(sale):
    corrupt("UPDATE reservations_salepolicy SET max_seats_per_fan = 1")


def ticket_lost(sale):
    corrupt("DELETE FROM tickets_ticket WHERE reservation_id = %s", sale.by_card.reservation_id)


def ticket_void(sale):
    corrupt(
        "UPDATE tickets_ticket SET status = 'VOID' WHERE reservation_id = %s",
        sale.by_card.reservation_id,
    )


def ticket_of_another_fan(sale):
    corrupt(
        "UPDATE tickets_ticket SET user_id = %s WHERE reservation_id = %s",
        sale.buyer.pk,
        sale.by_card.reservation_id,
    )


def ticket_of_a_free_seat(sale):
    corrupt(
        "INSERT INTO tickets_ticket (id, code, reservation_id, user_id, performance_id, seat_id,"
        " status, issued_at) VALUES (%s, 'AAAABBBBCCCC', %s, %s, %s, %s, 'VALID', now())",
        uuid7(),
        sale.by_points.id,
        sale.buyer.pk,
        sale.performance.pk,
        sale.free,
    )


def price_of_a_seat(sale):
    """Of a reservation whose payment is as before; the money behind its seats isn't."""
    corrupt(
        "UPDATE reservations_reservationseat SET price = price - 1 WHERE reservation_id = %s",
        sale.by_card.reservation_id,
    )


def sale_without_payment(sale):
    corrupt("DELETE FROM payments_payment WHERE reservation_id = %s", sale.by_points.id)


def amount_of_a_payment(sale):
    corrupt(
        "UPDATE payments_payment SET amount = amount - 1, points_amount = points_amount - 1"
        " WHERE reservation_id = %s",
        sale.by_points.id,
    )


def points_never_taken(sale):
    corrupt("UPDATE points_transfer SET kind = 'grant' WHERE reference = %s", sale.by_card.pk)


def points_of_an_ended_attempt(sale):
    corrupt(
        "UPDATE payments_payment SET status = 'FAILED', resolve_after = NULL WHERE id = %s",
        sale.attempt.pk,
    )


def points_of_a_charge(sale):
    corrupt("UPDATE payments_charge SET amount = amount + 1")


def fee_of_a_cancellation(sale):
    corrupt("UPDATE payments_cancellation SET fee = fee + 1, points_amount = 0")


def refund_too_small(sale):
    """The gateway gave back more than our row says."""
    corrupt("UPDATE payments_refund SET amount = amount - 1 WHERE amount > points_amount")


def points_not_given_back(sale):
    corrupt("UPDATE points_transfer SET kind = 'grant' WHERE kind = 'refund'")


def refund_of_a_failed_payment(sale):
    corrupt(
        "INSERT INTO payments_refund (id, payment_id, status, reason, amount, points_amount,"
        " currency, seat_ids, request_key, failure_message, created_at, tries)"
        " VALUES (%s, %s, 'REFUSED', 'LATE_CAPTURE', 1, 0, 'KRW', '{}', %s, '', now(), 0)",
        uuid7(),
        sale.attempt.pk,
        uuid4().hex * 2,
    )


def one_sided_transfer(sale):
    corrupt(
        "UPDATE points_entry SET amount = amount + 1 WHERE account_id = %s AND transfer_id IN"
        " (SELECT id FROM points_transfer WHERE reference = %s)",
        SALES,
        sale.by_card.pk,
    )


def balance_out_of_nothing(sale):
    corrupt("UPDATE points_account SET balance = balance + 1 WHERE id = %s", sale.buyer.pk)


def sale_without_event(sale):
    corrupt(
        "DELETE FROM events_outboxevent WHERE type = 'reservation.confirmed' AND aggregate_id = %s",
        sale.by_points.id,
    )


def points_without_event(sale):
    corrupt(
        "DELETE FROM events_outboxevent WHERE type = 'points.spent' AND aggregate_id = %s",
        sale.buyer.pk,
    )


def late_money_kept(sale):
    """Its sale is without money, too."""
    corrupt(
        "UPDATE payments_payment SET status = 'LATE_CAPTURED', paid_at = NULL,"
        " created_at = created_at - interval '1 hour' WHERE id = %s",
        sale.by_card.pk,
    )


def outcome_unknown_for_an_hour(sale):
    corrupt(
        "UPDATE payments_payment SET status = 'UNKNOWN',"
        " requested_at = now() - interval '1 hour' WHERE id = %s",
        sale.attempt.pk,
    )


def nobody_asks_the_gateway(sale):
    corrupt(
        "UPDATE payments_payment SET resolve_after = now() - interval '1 hour' WHERE id = %s",
        sale.attempt.pk,
    )


def event_not_published(sale):
    corrupt(
        "UPDATE events_outboxevent SET published_at = NULL,"
        " created_at = now() - interval '1 hour' WHERE aggregate_id = %s",
        sale.by_card.pk,
    )


def event_refused(sale):
    corrupt(
        "UPDATE events_outboxevent SET published_at = NULL, dead_at = now(), failure = 'too large'"
        " WHERE aggregate_id = %s",
        sale.by_card.pk,
    )


CORRUPTIONS = [
    (seat_of_another, {"seat_has_one_owner"}),
    # The seat's fan has no ticket then.
    (ticket_of_another, {"seat_has_one_owner", "sold_seats_have_tickets"}),
    (seat_without_a_row, {"seats_are_counted"}),
    (seat_at_another_index, {"seats_are_counted"}),
    (held_seat_is_sold, {"sold_seats_are_bought", "sold_seats_have_tickets", "sales_are_paid"}),
    (bought_seat_is_free, {"sold_seats_are_bought", "sold_seats_have_tickets"}),
    (hold_of_nobody, {"holds_end"}),
    (hold_without_end, {"holds_end"}),
    (limit_passed, {"fans_keep_their_limit"}),
    (ticket_lost, {"sold_seats_have_tickets"}),
    (ticket_void, {"sold_seats_have_tickets"}),
    (ticket_of_another_fan, {"sold_seats_have_tickets"}),
    (ticket_of_a_free_seat, {"sold_seats_have_tickets"}),
    (price_of_a_seat, {"sales_are_paid", "money_is_behind_seats"}),
    (sale_without_payment, {"sales_are_paid"}),
    (
        amount_of_a_payment,
        {"sales_are_paid", "money_is_behind_seats", "points_of_payments_moved"},
    ),
    (points_never_taken, {"points_of_payments_moved"}),
    (points_of_an_ended_attempt, {"points_of_payments_moved"}),
    (points_of_a_charge, {"charges_bought_points", "gateway_agrees"}),
    (fee_of_a_cancellation, {"money_is_behind_seats"}),
    (refund_too_small, {"money_is_behind_seats", "gateway_agrees"}),
    (points_not_given_back, {"refunds_stay_within_payments"}),
    (refund_of_a_failed_payment, {"refunds_stay_within_payments"}),
    (one_sided_transfer, {"debits_are_credits"}),
    (balance_out_of_nothing, {"balances_are_sums"}),
    (sale_without_event, {"sales_have_events"}),
    (points_without_event, {"transfers_have_events"}),
    (late_money_kept, {"late_money_goes_back", "sales_are_paid"}),
    (outcome_unknown_for_an_hour, {"outcomes_become_known"}),
    (nobody_asks_the_gateway, {"gateway_is_asked"}),
    (event_not_published, {"events_are_published"}),
    (event_refused, {"events_are_accepted"}),
]


@pytest.mark.control
@pytest.mark.parametrize(
    ("corruption", "wanted"), CORRUPTIONS, ids=[one.__name__ for one, _ in CORRUPTIONS]
)
def test_a_corrupted_row_is_found_by_the_check_that_is_there_for_it(sale, corruption, wanted):
    corruption(sale)
    report = audited()
    assert found(report) == wanted, report.violations
    assert all(one.subject and one.detail for one in report.violations)
    of_sale = {one.performance_id for one in report.violations} - {None}
    assert of_sale <= {sale.performance.pk}


def test_what_staff_allowed_before_they_lowered_the_limit_is_no_violation(sale):
    sale_use_cases.set_policy(
        performance_id=sale.performance.pk,
        changes={"max_seats_per_fan": 1},
        reason="too many",
        actor_id=None,
        now=clock.now(),
    )
    assert found(audited()) == set()


def test_a_lapsed_hold_that_nobody_swept_is_no_violation(sale):
    corrupt(
        "UPDATE reservations_seatinventory SET held_until = now() - interval '1 minute'"
        " WHERE reservation_id = %s",
        sale.held.id,
    )
    corrupt(
        "UPDATE reservations_reservation SET expires_at = now() - interval '1 minute'"
        " WHERE id = %s",
        sale.held.id,
    )
    assert found(audited()) == set()


# --- differences between stores count once they have had their time


@pytest.mark.parametrize("kind", ["event", "unknown", "overdue"])
def test_a_difference_has_its_time_to_settle(sale, kind):
    statements = {
        "event": "UPDATE events_outboxevent SET published_at = NULL WHERE aggregate_id = %s",
        "unknown": "UPDATE payments_payment SET status = 'UNKNOWN', requested_at = now()"
        " WHERE id = %s",
        "overdue": "UPDATE payments_payment SET resolve_after = now() WHERE id = %s",
    }
    row = sale.by_card.pk if kind == "event" else sale.attempt.pk
    corrupt(statements[kind], row)
    assert found(audited()) == set()
    at_once = audited(scope=AuditScope(settling=timedelta(0)))
    assert len(at_once.violations) == 1


def claim_of(sale, lock_redis, *, until: timedelta, confirmed: timedelta) -> None:
    now = clock.now()
    put_claim(lock_redis, sale.performance, sale.free, until=now + until, confirmed=now - confirmed)


@pytest.mark.control
def test_a_claim_that_postgresql_contradicts_is_found(sale, lock_redis):
    claim_of(sale, lock_redis, until=timedelta(minutes=5), confirmed=timedelta(minutes=2))
    [violation] = audited().violations
    assert (violation.check, violation.subject) == ("claims_agree", f"seat:{sale.free}")


@pytest.mark.parametrize(
    ("until", "confirmed"),
    [(timedelta(minutes=5), timedelta(0)), (-timedelta(seconds=1), timedelta(minutes=2))],
    ids=["just written", "over"],
)
def test_a_claim_that_is_new_or_over_is_none(sale, lock_redis, until, confirmed):
    claim_of(sale, lock_redis, until=until, confirmed=confirmed)
    assert found(audited()) == set()


@pytest.mark.control
@pytest.mark.parametrize("change", ["captured", "nothing", "refunded"])
def test_a_gateway_that_says_otherwise_is_found(sale, gateway, change):
    row = gateway.ledger[sale.by_card.order_id]
    if change == "captured":
        row.amount = type(row.amount)(row.amount.amount + 1)
    elif change == "nothing":
        del gateway.ledger[sale.by_card.order_id]
    else:
        row.refunded = 1
    [violation] = audited().violations
    assert (violation.check, violation.subject) == ("gateway_agrees", f"payment:{sale.by_card.pk}")
    assert violation.performance_id == sale.performance.pk


def test_what_is_still_looked_up_is_not_compared(sale, gateway):
    gateway.capture(sale.attempt.order_id)
    assert found(audited()) == set()


def test_our_row_that_moves_while_we_look_is_not_compared(sale, gateway):
    """The refund arrives between our row and the look-up."""
    row = gateway.ledger[sale.by_card.order_id]
    row.refunded = 1

    def refund_arrives(call):
        if call == "find":
            corrupt(
                "UPDATE payments_payment SET resolve_after = now() + interval '1 hour'"
                " WHERE id = %s",
                sale.by_card.pk,
            )

    gateway.during = refund_arrives
    assert found(audited()) == set()
