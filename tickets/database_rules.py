"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "tickets_ticket.code": "A code is one ticket's; the door and support look tickets up by it.",
    "tickets_ticket.reservation_id": "The tickets of a reservation.",
    "tickets_ticket.user_id": "A fan's own tickets.",
    "tickets_ticket.performance_id": "The tickets of a performance, in the admin.",
    "tickets_ticket_live_seat_unique": (
        "A seat has at most one ticket that is not void: the second guard against selling it twice."
    ),
}
