"""All checks of an audit: what each looks at, and what follows from what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from proof.checks import (
    claims,
    gateway,
    ledger,
    letters,
    recording,
    sales,
    seats,
    settling,
)
from proof.findings import AuditBatch, Violation


class Subjects(Enum):
    """What a check looks at, batch by batch; the values name the statement in `proof.keys`."""

    PERFORMANCES = "performances"  # those on sale, one a batch
    PAYMENTS = "payments"
    CHARGES = "charges"
    TRANSFERS = "transfers"
    ACCOUNTS = "accounts"  # of fans
    EVERYTHING = "everything"  # in one call


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """One check. `of_site`: it is about no single performance, so an audit of one leaves it out.

    `halts`: it compares rows that commit together, so what it finds stops the sale. `each_minute`:
    it is cheap where little is new.
    """

    find: Callable[[AuditBatch], list[Violation]]
    subjects: Subjects
    halts: bool = False
    each_minute: bool = True
    of_site: bool = False

    @property
    def name(self) -> str:
        """Return what it is called in reports, metrics and reasons of halts."""
        return self.find.__name__


# Within PostgreSQL: all in one snapshot.
INSIDE = (
    AuditCheck(seats.seat_has_one_owner, Subjects.PERFORMANCES, halts=True),
    AuditCheck(seats.seats_are_counted, Subjects.PERFORMANCES, halts=True),
    AuditCheck(seats.sold_seats_are_bought, Subjects.PERFORMANCES, halts=True),
    AuditCheck(seats.holds_end, Subjects.PERFORMANCES),
    AuditCheck(seats.fans_keep_their_limit, Subjects.PERFORMANCES),
    AuditCheck(seats.sold_seats_have_tickets, Subjects.PERFORMANCES, halts=True),
    AuditCheck(sales.sales_are_paid, Subjects.PERFORMANCES, halts=True),
    AuditCheck(sales.points_of_payments_moved, Subjects.PAYMENTS, halts=True),
    AuditCheck(sales.money_is_behind_seats, Subjects.PAYMENTS, halts=True),
    AuditCheck(sales.refunds_stay_within_payments, Subjects.PAYMENTS, halts=True),
    AuditCheck(sales.charges_bought_points, Subjects.CHARGES, of_site=True),
    AuditCheck(ledger.debits_are_credits, Subjects.TRANSFERS, of_site=True),
    AuditCheck(ledger.balances_are_sums, Subjects.ACCOUNTS, halts=True, of_site=True),
    AuditCheck(recording.sales_have_events, Subjects.PAYMENTS),
    AuditCheck(recording.transfers_have_events, Subjects.TRANSFERS, of_site=True),
    AuditCheck(settling.late_money_goes_back, Subjects.PAYMENTS),
    AuditCheck(settling.outcomes_become_known, Subjects.EVERYTHING),
    AuditCheck(settling.gateway_is_asked, Subjects.EVERYTHING),
    AuditCheck(settling.events_are_published, Subjects.EVERYTHING, of_site=True),
    AuditCheck(settling.events_are_accepted, Subjects.EVERYTHING, of_site=True),
)
# Between PostgreSQL and another store: read one after the other, the primary last.
BETWEEN = (
    AuditCheck(claims.claims_agree, Subjects.PERFORMANCES),
    AuditCheck(gateway.gateway_agrees, Subjects.EVERYTHING, each_minute=False),
    AuditCheck(
        gateway.gateway_took_nothing_else, Subjects.EVERYTHING, each_minute=False, of_site=True
    ),
    AuditCheck(
        letters.dead_letters_are_settled, Subjects.EVERYTHING, each_minute=False, of_site=True
    ),
)
CHECKS = INSIDE + BETWEEN
