"""Change times as the use case does, and say what it asked."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from concerts.errors import NeedsConfirmation
from concerts.models import Performance
from concerts.usecases import schedule
from kernel import clock
from reservations.models import SeatInventory
from tests.support import factories
from tests.support.holding import place


class Everything:
    """The confirmation of whatever may be asked."""

    def __contains__(self, key: object) -> bool:
        return True


def edit(row: Any, **values: Any) -> schedule.Edit:
    return schedule.Edit(type(row), row.pk, values)


def save(*edits: schedule.Edit, now: datetime | None = None, **said: Any) -> None:
    schedule.save(edits=edits, actor_id=None, now=now or clock.now(), **said)


def asked(call: Callable[..., Any], *args: Any, **options: Any) -> list[dict[str, str]]:
    """Return the questions of a change that isn't saved without an answer to them."""
    with pytest.raises(NeedsConfirmation) as refused:
        call(*args, **options)
    questions: list[dict[str, str]] = refused.value.extras["questions"]
    return questions


def codes(questions: list[dict[str, str]]) -> list[str]:
    return [question["code"] for question in questions]


def yes(questions: list[dict[str, str]]) -> list[str]:
    return [question["confirm"] for question in questions]


def sell(performance: Performance, seats: int = 1) -> None:
    """Let somebody have bought seats."""
    hold = place(factories.make_user(), performance, factories.seat_ids(performance, seats))
    SeatInventory.objects.filter(reservation_id=hold.id).update(status="RESERVED", held_until=None)
