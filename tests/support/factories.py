"""Make what a test starts from, with as little said as the test cares about."""

from datetime import datetime, timedelta
from itertools import count

from accounts.models import User
from concerts.models import Concert, Performance, PriceGrade, Seat, Section, Venue
from kernel import clock
from kernel.ids import uuid7
from reservations.models import SalePolicy
from reservations.usecases import inventory

_numbers = count(1)


def make_user(*, email: str = "", password: str | None = None, **fields) -> User:
    return User.objects.create_user(
        email or f"fan-{next(_numbers)}-{uuid7().hex[-8:]}@example.com", password, **fields
    )


def make_concert(*, published: bool = True, now: datetime | None = None, **fields) -> Concert:
    venue = Venue.objects.create(
        name_ko="잠실 실내체육관", name_en="Jamsil Arena", address_ko="서울", address_en="Seoul"
    )
    defaults = {
        "title_ko": "가을밤",
        "title_en": "Autumn Night",
        "artist_ko": "밴드",
        "artist_en": "The Band",
        "venue": venue,
        "published_at": (now or clock.now()) if published else None,
    }
    return Concert.objects.create(**(defaults | fields))


def make_performance(
    *,
    seats: int = 50,
    row_length: int = 10,
    price: int = 100_000,
    on_sale: bool = True,
    concert: Concert | None = None,
    now: datetime | None = None,
    **policy,
) -> Performance:
    """Make a performance of one section; `policy` goes into its SalePolicy."""
    now = now or clock.now()
    performance = Performance.objects.create(
        concert=concert or make_concert(now=now), starts_at=now + timedelta(days=30)
    )
    grade = PriceGrade.objects.create(
        performance=performance, code="R", name_ko="R석", name_en="R", price=price
    )
    section = Section.objects.create(
        performance=performance, grade=grade, code="A", name_ko="A구역", name_en="Section A"
    )
    Seat.objects.bulk_create(
        Seat(
            performance=performance,
            section=section,
            row=str(index // row_length + 1),
            number=str(index % row_length + 1),
            index=index,
            x=float(index % row_length),
            y=float(index // row_length),
        )
        for index in range(seats)
    )
    defaults = {
        "sale_opens_at": now - timedelta(hours=1),
        "sale_closes_at": now + timedelta(days=29),
        "max_seats_per_fan": 4,  # what tests count on, whatever the product's default
    }
    SalePolicy.objects.create(performance=performance, **(defaults | policy))
    if on_sale:
        inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=now)
    return performance


def seat_ids(performance: Performance, n: int | None = None) -> list:
    """Return the first `n` seat ids in layout order."""
    ids = (
        Seat.objects.filter(performance=performance).order_by("index").values_list("pk", flat=True)
    )
    return list(ids[:n] if n else ids)
