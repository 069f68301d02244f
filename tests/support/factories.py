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
    sections: int = 1,
    price: int = 100_000,
    on_sale: bool = True,
    concert: Concert | None = None,
    now: datetime | None = None,
    **policy,
) -> Performance:
    """Make a performance of equal sections, four abreast; `policy` goes into its SalePolicy."""
    now = now or clock.now()
    performance = Performance.objects.create(
        concert=concert or make_concert(now=now), starts_at=now + timedelta(days=30)
    )
    grade = PriceGrade.objects.create(
        performance=performance, code="R", name_ko="R석", name_en="R", price=price
    )
    codes = [chr(ord("A") + nth) if nth < 26 else f"S{nth}" for nth in range(sections)]
    rows = [
        Section(
            performance=performance,
            grade=grade,
            code=code,
            name_ko=f"{code}구역",
            name_en=f"Section {code}",
            position=nth,
        )
        for nth, code in enumerate(codes)
    ]
    Section.objects.bulk_create(rows)
    Seat.objects.bulk_create(
        (_seat(rows, index, seats // sections, row_length) for index in range(seats)),
        batch_size=5000,
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


def _seat(sections: list[Section], index: int, size: int, row_length: int) -> Seat:
    nth = min(index // size, len(sections) - 1) if size else 0
    within = index - nth * size
    return Seat(
        performance_id=sections[nth].performance_id,
        section=sections[nth],
        row=str(within // row_length + 1),
        number=str(within % row_length + 1),
        index=index,
        x=float(nth % 4 * (row_length + 3) + within % row_length),
        y=float(nth // 4 * (size // row_length + 4) + within // row_length),
    )


def seat_ids(performance: Performance, n: int | None = None) -> list:
    """Return the first `n` seat ids in layout order."""
    ids = (
        Seat.objects.filter(performance=performance).order_by("index").values_list("pk", flat=True)
    )
    return list(ids[:n] if n else ids)
