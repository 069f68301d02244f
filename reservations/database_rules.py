"""Why each constraint, index, trigger and function of this app's tables exists."""

from kernel.docs.database_rules import InSql

RULES: dict[str, str] = {
    "reservations_policy_window_ordered": "A sale opens before it closes.",
    "reservations_policy_hold_within_cap": (
        "The first length of a hold is not above the cap of its extensions."
    ),
    "reservations_halt_live": (
        "The live halts of a performance, read by every hold in the statement that reads the rules."
    ),
    "reservations_inventory_index_unique": (
        "A position in the layout is one seat's; the availability string is read in this order."
    ),
    "reservations_inventory_state_consistent": (
        "A seat's status, reservation and deadline agree: only a hold has a deadline, only a "
        "held or sold seat an owner."
    ),
    "reservations_fan_by_cap": (
        "The caps of a fan's earlier holds of the wanted seats (Note [First hold]), and a "
        "fan's reservations."
    ),
    "reservations_fan_live": (
        "A fan's live holds and purchases of a performance, counted by every hold."
    ),
    "reservations_pending_by_expiry": "The sweep finds lapsed holds, the longest lapsed first.",
    "reservations_reservation_seat_unique": (
        "A reservation has a seat once; its seats are found by it."
    ),
    "reservations_reservationseat.seat_id": (
        "Every reservation a seat was ever in: the check before a seat is deleted, and "
        "answers to complaints."
    ),
}
IN_SQL = {
    "reservations_seats_of_fan": InSql(
        table="reservations_reservation",
        kind="function",
        serves=("The same for one fan: called by the code that runs while migration 0005 does."),
    ),
    "reservations_seats_of_fans": InSql(
        table="reservations_reservation",
        kind="function",
        serves=(
            "What fans hold, what has lapsed and which caps are in force, by one plan that a "
            "session keeps (`reservations_fan_live`, `reservations_fan_by_cap`)."
        ),
    ),
}
