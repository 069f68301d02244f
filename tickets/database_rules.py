"""Why each constraint, index, trigger and function of this app's tables exists."""

from kernel.docs.database_rules import InSql

RULES: dict[str, str] = {
    "tickets_ticket.code": "A code is one ticket's; the door and support look tickets up by it.",
    "tickets_ticket.reservation_id": "The tickets of a reservation.",
    "tickets_ticket.user_id": "A fan's own tickets.",
    "tickets_ticket_changed": (
        "The tickets of a performance, those first that changed last: the admission list."
    ),
    "tickets_checkin.ticket_id": "The check-ins of a ticket, undone ones too.",
    "tickets_checkin_live_unique": (
        "A ticket has at most one check-in in force: the second guard against admitting twice."
    ),
    "tickets_checkin_scan_unique": (
        "A scan that is sent again finds its check-in; a scan id names one scan of a performance."
    ),
    "tickets_refusedscan.ticket_id": "What the doors refused of a ticket.",
    "tickets_refusedscan_unique": (
        "A batch that is sent again keeps no refused scan twice; the list of a performance."
    ),
    "tickets_unlistedscans_unique": "A performance has one count of scans that have no row.",
    "tickets_checkin_by_one": "A member of staff checked in, or a machine: one of the two.",
    "tickets_ticket_live_seat_unique": (
        "A seat has at most one ticket that is not void: the second guard against selling it twice."
    ),
}
IN_SQL = {
    "tickets_note_change": InSql(
        table="tickets_ticket",
        kind="trigger",
        serves=(
            "Sets `changed_at` when the status changes, so that no writer forgets it: scanners ask "
            "for what has changed."
        ),
    ),
}
