"""What is asked about before staff change times."""

# Functions that say what is unusual (Note [Unusual changes] in concerts/schedule.py).
SCHEDULE_RULES = (
    "concerts.schedule.own_questions",
    "reservations.operations.schedule.questions",
)
