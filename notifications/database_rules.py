"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "notifications_due": (
        "The letters to send next, the longest due first; its size is the backlog's."
    ),
    "notifications_mailing_open": "The mailings to go on with, the oldest first.",
    "notifications_of_fan": "A fan's letters, the latest first: for staff, and for the fan's copy.",
    "notifications_sent_has_time": "A letter is sent at a known moment, or it is not sent.",
}
