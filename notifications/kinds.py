"""The kinds of letters: which event causes each, to whom it goes, and what goes with it.

A new kind is one entry here and its six templates (README.md, *Add a letter*).
"""

from collections.abc import Callable
from dataclasses import dataclass

from events import topics
from events.cloudevents import Event
from notifications.attachments import AttachmentMaker
from notifications.ticket_files import ticket_files


def _called_off(event: Event) -> bool:
    return bool(event.data["reason"] == "performance_cancelled")


def _given_up(event: Event) -> bool:
    return not _called_off(event)


@dataclass(frozen=True, slots=True)
class LetterKind:
    """A kind of letter.

    `name` is also the folder of its templates; the event's data are kept with the letter. It goes
    to the fan whom the event names, or by a mailing to all holders of the performance's tickets.
    `applies` says which events of the type cause it.
    """

    name: str
    event_type: str
    topic: str
    to_holders: bool = False
    attachments: tuple[AttachmentMaker, ...] = ()
    applies: Callable[[Event], bool] = lambda event: True


KINDS: tuple[LetterKind, ...] = (
    # Sent for payments too: a reservation is confirmed by its payment, in one transaction.
    LetterKind(
        name="reservation_confirmed",
        event_type="reservation.confirmed",
        topic=topics.RESERVATIONS,
        attachments=(ticket_files,),
    ),
    LetterKind(
        name="reservation_cancelled",
        event_type="reservation.cancelled",
        topic=topics.RESERVATIONS,
        applies=_given_up,
    ),
    # Each holder of a cancelled performance has an event of his own, as his seats are given back.
    LetterKind(
        name="performance_cancelled",
        event_type="reservation.cancelled",
        topic=topics.RESERVATIONS,
        applies=_called_off,
    ),
    LetterKind(
        name="performance_postponed",
        event_type="performance.postponed",
        topic=topics.CONCERTS,
        to_holders=True,
    ),
    LetterKind(
        name="payment_refunded",
        event_type="payment.refunded",
        topic=topics.PAYMENTS,
    ),
    LetterKind(
        name="seats_offered",
        event_type="payment.offered",
        topic=topics.PAYMENTS,
    ),
)


def kind_named(name: str) -> LetterKind:
    """Return a kind by its name; raises `LookupError`."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise LookupError(f"no kind of letter is called {name}")


def kinds_for(event: Event) -> list[LetterKind]:
    """Return the kinds that an event causes."""
    return [kind for kind in KINDS if kind.event_type == event.type and kind.applies(event)]
