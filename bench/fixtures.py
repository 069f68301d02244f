"""Halls, waiting rooms and keys of any number for a measurement; import once Django is set up."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.tokens import issue_access_token
from concerts.models import Concert, Performance, PriceGrade, Seat, Section, Venue
from kernel import clock
from kernel.ids import uuid7
from queueing.usecases.config import set_config
from reservations.models import SalePolicy
from reservations.usecases import inventory


def numbered(prefix: str, number: int) -> UUID:
    """Return a key that scripts can build from a number: 24 characters and twelve digits."""
    return UUID(f"{prefix}{100_000_000_000 + number}")


def fan_token(user_id: UUID) -> str:
    """Return an access token of a fan that outlives a measurement."""
    return issue_access_token(
        user_id=user_id,
        session_id=str(user_id),
        is_staff=False,
        groups=[],
        now=clock.now(),
        lifetime=timedelta(hours=1),
    )


def make_hall(
    seats: int,
    *,
    row_length: int = 50,
    rows_per_section: int = 20,
    abreast: int = 1,
    prefix: str = "",
) -> Performance:
    """Return a performance on sale with that many seats, its sections so many `abreast`.

    `prefix` makes the keys of seats `numbered`.
    """
    now = clock.now()
    performance = _performance(now)
    grade = PriceGrade.objects.create(performance=performance, code="R", name_ko="R", price=1000)
    per_section = row_length * rows_per_section
    sections = [
        Section.objects.create(
            performance=performance, grade=grade, code=f"S{n}", name_ko=f"S{n}", position=n
        )
        for n in range(-(-seats // per_section))
    ]
    Seat.objects.bulk_create(
        (
            Seat(
                id=numbered(prefix, index) if prefix else uuid7(),
                performance=performance,
                section=sections[index // per_section],
                row=str(index % per_section // row_length + 1),
                number=str(index % row_length + 1),
                index=index,
                x=float(index // per_section % abreast * (row_length + 4) + index % row_length),
                y=float(
                    index // per_section // abreast * (rows_per_section + abreast - 1)
                    + index % per_section // row_length
                ),
            )
            for index in range(seats)
        ),
        batch_size=5000,
    )
    SalePolicy.objects.create(
        performance=performance,
        sale_opens_at=now - timedelta(hours=1),
        sale_closes_at=now + timedelta(days=29),
        max_seats_per_fan=20,
    )
    inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=now)
    return performance


def seat_ids(performance: Performance) -> list[UUID]:
    """Return the seats in layout order."""
    seats = Seat.objects.filter(performance=performance).order_by("index")
    return list(seats.values_list("pk", flat=True))


def make_room(**changes: Any) -> Performance:
    """Make a performance whose waiting room takes joins; `changes` go into its rules."""
    performance = _performance(clock.now())
    open_room(performance, **changes)
    return performance


def open_room(performance: Performance, **changes: Any) -> None:
    """Open a waiting room before a performance; `changes` go into its rules."""
    now = clock.now()
    set_config(
        performance_id=performance.pk,
        changes={"queue_opens_at": now - timedelta(hours=1), **changes},
        actor_id=None,
        reason="measuring",
        now=now,
    )


def _performance(now: datetime) -> Performance:
    venue = Venue.objects.create(name_ko="공연장")
    concert = Concert.objects.create(
        title_ko="공연", artist_ko="밴드", venue=venue, published_at=now
    )
    return Performance.objects.create(concert=concert, starts_at=now + timedelta(days=30))
