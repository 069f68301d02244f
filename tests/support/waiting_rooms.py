"""Waiting rooms for tests, on the real queue server with a clock that the test moves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis

from concerts.models import Performance
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.functions import FunctionLibrary
from queueing.models import QueueConfig
from queueing.places import QueuePlace
from queueing.queue_server import SOURCES, queue_server
from queueing.replies import PlaceState
from queueing.usecases import config as config_use_case
from queueing.usecases import invitations, waiting_room
from tests.support.factories import make_performance


def make_room(
    *, now: datetime | None = None, performance: Performance | None = None, **config
) -> Performance:
    """Give a performance (a new one) an open waiting room; `config` goes into its QueueConfig."""
    now = now or clock.now()
    performance = performance or make_performance(seats=1, on_sale=False, now=now)
    defaults = {
        "queue_opens_at": now - timedelta(hours=1),
        "rate_per_second": 100,
        "capacity": 100,
    }
    QueueConfig.objects.create(performance=performance, **(defaults | config))
    return performance


def queue_url(performance: Performance) -> str:
    return f"/api/v1/performances/{performance.pk}/queue/"


def place_url(performance: Performance) -> str:
    return f"{queue_url(performance)}me/"


def join(performance: Performance, user: UUID | None = None) -> tuple[UUID, QueuePlace]:
    """Take a place without HTTP, by default as somebody new; return who has it, and the place."""
    user = user or uuid7()
    place = waiting_room.join(
        user_id=user, performance_id=performance.pk, token=None, now=clock.now()
    )
    return user, place


def joined(performance: Performance, user: UUID | None = None) -> str:
    """Take a place; return its join token."""
    return join(performance, user)[1].token


def admission_pass(performance: Performance, user: UUID | None = None) -> str:
    """Take a place that is admitted at once; return its pass."""
    shown = join(performance, user)[1].admission_pass
    assert shown
    return shown


def whole_second() -> datetime:
    """Return the time without its part of a second."""
    return clock.now().replace(microsecond=0)


@dataclass
class Room:
    """A waiting room, its clock, and the tokens its fans carry."""

    performance: Performance
    now: datetime
    tokens: dict[UUID, str] = field(default_factory=dict)

    @classmethod
    def open(cls, *, now: datetime | None = None, **config) -> "Room":
        now = now or whole_second()
        return cls(make_room(now=now, **config), now)

    def set_config(self, **changes) -> None:
        """Change how the room is run, as staff do."""
        config_use_case.set_config(
            performance_id=self.performance.pk,
            changes=changes,
            actor_id=None,
            reason="test",
            now=self.now,
        )

    def issue_invitations(self, **terms) -> list[invitations.Issued]:
        """Issue one invitation for one person and a day, or what the terms say."""
        defaults = {"count": 1, "uses_allowed": 1, "expires_at": self.now + timedelta(days=1)}
        return invitations.issue(
            performance_id=self.performance.pk,
            label="press",
            actor_id=None,
            reason="test",
            now=self.now,
            **(defaults | terms),
        )

    def later(self, seconds: float) -> "Room":
        self.now += timedelta(seconds=seconds)
        return self

    def join(self, user: UUID | None = None, **applicant) -> tuple[UUID, QueuePlace]:
        user = user or uuid7()
        place = waiting_room.join(
            user_id=user,
            performance_id=self.performance.pk,
            token=self.tokens.get(user),
            now=self.now,
            applicant=waiting_room.Applicant(**applicant),
        )
        self.tokens[user] = place.token
        return user, place

    def join_many(self, count: int) -> list[UUID]:
        return [self.join()[0] for _ in range(count)]

    def poll(self, user: UUID, token: str | None = None) -> QueuePlace:
        place = waiting_room.poll(
            user_id=user,
            performance_id=self.performance.pk,
            token=token or self.tokens[user],
            now=self.now,
        )
        self.tokens[user] = place.token
        return place

    def leave(self, user: UUID) -> None:
        waiting_room.leave(user_id=user, performance_id=self.performance.pk, now=self.now)

    def finish(self, *users: UUID) -> None:
        waiting_room.finish(user_ids=users, performance_id=self.performance.pk, now=self.now)

    def states(self, users: Iterable[UUID]) -> list[PlaceState]:
        return [self.poll(user).state for user in users]

    def admitted(self, users: Iterable[UUID]) -> list[UUID]:
        return [user for user in users if self.poll(user).state is PlaceState.ADMITTED]


def full_room(waiting: int = 3, **config) -> tuple[Room, UUID, list[UUID]]:
    """Return a room of one place, who has taken it, and the fans who wait."""
    room = Room.open(capacity=1, **config)
    inside, place = room.join()
    assert place.state is PlaceState.ADMITTED
    return room, inside, room.join_many(waiting)


def wipe_queue_server(queue_redis: Redis) -> None:
    """Leave the server without data and functions, as a new one begins."""
    queue_redis.flushall()
    queue_redis.function_flush()


def weaken_library(
    monkeypatch: pytest.MonkeyPatch, folder: Path, guard: str, replacement: str
) -> None:
    """Run waiting rooms on the library without one of its guards, for control tests."""
    source = FunctionLibrary("queue", *SOURCES).code()
    assert source.count(guard) == 1
    path = folder / "control.lua"
    path.write_text(
        source.replace("frontrow_queue_v1", "frontrow_queue_control").replace(guard, replacement)
    )
    monkeypatch.setattr(queue_server, "library", FunctionLibrary("queue", path))
    monkeypatch.setattr(queue_server, "_prefix", "frontrow_queue_control")
    queue_server.library.load()  # the server may still have another control's
