"""Reads of reservations, all from the primary.

A fan's own writes show at once, and the seat map's changing part is judged by `now`.
"""

from reservations.queries.desk import (
    SaleAhead,
    SeatFigures,
    sale_ahead,
    sales_ahead,
    seat_figures,
)
from reservations.queries.holds import (
    FanSeats,
    FanWish,
    TakenSeat,
    lapsed_holds,
    open_sales,
    owners_of,
    seats_of_fans,
    taken_seats,
)
from reservations.queries.mine import (
    ReservationDetail,
    ReservedSeat,
    details,
    find,
    live_holds_of,
    mine,
    new_hold,
    seat_status,
)
from reservations.queries.rules import SaleRules, rules_in_force
from reservations.queries.sale import (
    Check,
    SaleTerms,
    forget_sale_terms,
    last_halt_for,
    sale_checks,
    sale_terms,
    was_halted_for,
)
from reservations.queries.seats import (
    Availability,
    GradeCounts,
    SeatOnSale,
    availability,
    grade_counts,
    grades_instead,
    plan_seats,
    seat_on_sale,
    taken_counts,
)

__all__ = [
    "Availability",
    "Check",
    "FanSeats",
    "FanWish",
    "GradeCounts",
    "ReservationDetail",
    "ReservedSeat",
    "SaleAhead",
    "SaleRules",
    "SaleTerms",
    "SeatFigures",
    "SeatOnSale",
    "TakenSeat",
    "availability",
    "details",
    "find",
    "forget_sale_terms",
    "grade_counts",
    "grades_instead",
    "lapsed_holds",
    "last_halt_for",
    "live_holds_of",
    "mine",
    "new_hold",
    "open_sales",
    "owners_of",
    "plan_seats",
    "rules_in_force",
    "sale_ahead",
    "sale_checks",
    "sale_terms",
    "sales_ahead",
    "seat_figures",
    "seat_on_sale",
    "seat_status",
    "seats_of_fans",
    "taken_counts",
    "taken_seats",
    "was_halted_for",
]
