"""The names of the Kafka topics, one for each app that records events.

The version is part of the name: fields of `data` are only ever added, anything else is a new topic.
"""

RESERVATIONS = "frontrow.reservations.v1"
PAYMENTS = "frontrow.payments.v1"
POINTS = "frontrow.points.v1"
CONCERTS = "frontrow.concerts.v1"

ALL = (RESERVATIONS, PAYMENTS, POINTS, CONCERTS)


def dead_letters_of(topic: str) -> str:
    """Return the topic that takes what a consumer group of `topic` could not apply."""
    return f"{topic}.dlq"
