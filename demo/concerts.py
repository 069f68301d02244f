"""The six concerts of the demo: texts as rows, everything that has a rule through its use case."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypedDict
from uuid import UUID

from accounts.models import User
from concerts.models import Concert, Performance, Venue
from concerts.store import layouts_changed
from concerts.usecases import layouts, posters, programme
from demo import posters as drawings
from demo.keys import CONCERT, PERFORMANCE, VENUE, key
from demo.programme import MINUTES_TO_OPENING, PROGRAMME, DemoConcert
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from payments.models import Payment
from payments.usecases import checkout
from queueing.usecases import config
from reservations.models import Reservation, SalePolicy, SeatInventory
from reservations.usecases import holds, inventory, sale

REASON = "demo data"
_PERFORMANCES = 16  # keys that a concert has for its performances


class _Who(TypedDict):
    actor_id: None
    reason: str
    now: datetime


def current_generation() -> int:
    """Return the generation on show, or the first one to be loaded."""
    generation = 0
    while Concert.objects.filter(
        pk=key(CONCERT, 0, generation=generation), deleted_at__isnull=False
    ).exists():
        generation += 1
    return generation


def retire(*, generation: int, now: datetime) -> None:
    """Take the concerts of a generation off the catalogue; what was sold stays where it is."""
    ids = [key(CONCERT, number, generation=generation) for number in range(len(PROGRAMME))]
    with transaction():
        shown = Performance.objects.filter(concert_id__in=ids).values_list("pk", flat=True)
        layouts_changed(performance_ids=list(shown))
        Concert.objects.filter(pk__in=ids).update(deleted_at=now)


def load(*, generation: int, fans: Sequence[User], now: datetime) -> list[Concert]:
    """Load the missing concerts, finish those that were begun, and return all six."""
    return [
        _load_concert(number, demo, generation=generation, fans=fans, now=now)
        for number, demo in enumerate(PROGRAMME)
    ]


def _load_concert(
    number: int, demo: DemoConcert, *, generation: int, fans: Sequence[User], now: datetime
) -> Concert:
    concert = _rows(number, demo, generation=generation, now=now)
    if concert.poster_id is None:
        who = _Who(actor_id=None, reason=REASON, now=now)
        posters.put(concert_id=concert.pk, files=drawings.files(number), **who)
    performances = list(concert.performances.order_by("starts_at"))
    for performance in performances:
        _prepare(performance, demo, now=now)
    programme.publish(concert_id=concert.pk, actor_id=None, reason=REASON, now=now)
    for performance in performances:
        if demo.sold_out:
            _sell_out(performance.pk, demo, fans=fans, now=now)
        if demo.opening_soon:
            _open_later(performance.pk, now=now)
    return concert


def _rows(number: int, demo: DemoConcert, *, generation: int, now: datetime) -> Concert:
    with transaction():
        venue, _ = Venue.objects.get_or_create(
            pk=key(VENUE, number),
            defaults={"timezone": demo.timezone, **_both("name", demo.venue)}
            | _both("address", demo.address),
        )
        texts = ("title", "artist", "description", "notices", "refund_policy")
        words = {k: v for name in texts for k, v in _both(name, getattr(demo, name)).items()}
        concert, _ = Concert.objects.get_or_create(
            pk=key(CONCERT, number, generation=generation),
            defaults={
                "venue": venue,
                "age_rating": demo.age_rating,
                "running_minutes": demo.running_minutes,
                **words,
            },
        )
        for at, day in enumerate(demo.days):
            starts_at = _seven_pm(now, day)
            Performance.objects.get_or_create(
                pk=key(PERFORMANCE, number * _PERFORMANCES + at, generation=generation),
                defaults={
                    "concert": concert,
                    "starts_at": starts_at,
                    "doors_open_at": starts_at - timedelta(hours=1),
                },
            )
    return concert


def _prepare(performance: Performance, demo: DemoConcert, *, now: datetime) -> None:
    """Give a performance its seats, sale policy and waiting room, once."""
    if SalePolicy.objects.filter(
        performance=performance, put_on_sale_at__isnull=not demo.sale.on_sale
    ).exists():
        return
    who = _Who(actor_id=None, reason=REASON, now=now)
    layouts.import_layout(performance_id=performance.pk, layout=demo.layout(), **who)
    if not SalePolicy.objects.filter(performance=performance).exists():
        values = {
            "sale_opens_at": now + demo.sale.opens_in,
            "sale_closes_at": performance.starts_at - timedelta(hours=1),
            "max_seats_per_fan": demo.sale.max_seats_per_fan,
        }
        sale.create_policy(performance_id=performance.pk, values=values, **who)
    if demo.sale.queue_opens_in is not None:
        changes = {
            "queue_opens_at": now + demo.sale.queue_opens_in,
            "admission_opens_at": now + demo.sale.opens_in,
            "rate_per_second": demo.sale.rate_per_second,
            "capacity": demo.sale.capacity,
            "state": "PRESALE",
        }
        config.set_config(performance_id=performance.pk, changes=changes, **who)
    if demo.sale.on_sale:
        inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=now)


def _sell_out(
    performance_id: UUID, demo: DemoConcert, *, fans: Sequence[User], now: datetime
) -> None:
    """Let the fans hold and pay for every free seat, as they would over HTTP."""
    free = (
        SeatInventory.objects.filter(performance_id=performance_id)
        .exclude(status=SeatInventory.Status.RESERVED)
        .order_by("index")
        .values_list("seat_id", flat=True)
    )
    seats = iter(list(free))
    bought = set(
        Reservation.objects.filter(
            performance_id=performance_id, status=Reservation.Status.CONFIRMED
        ).values_list("user_id", flat=True)
    )
    buyers = [fan for fan in fans if fan.pk not in bought]
    for fan in buyers:
        seat_ids = list(islice(seats, demo.sale.max_seats_per_fan))
        if not seat_ids:
            break
        held = holds.place(
            user_id=fan.pk,
            performance_id=performance_id,
            seat_ids=seat_ids,
            reservation_id=uuid7(),
            queue_token=None,
            now=now,
        )
        checkout.begin(
            user_id=fan.pk,
            reservation_id=held.id,
            method=Payment.Method.POINTS,
            points_amount=None,
            payment_id=uuid7(),
            request_key=f"demo:{held.id}",
            resumed=False,
            now=now,
        )


def _open_later(performance_id: UUID, *, now: datetime) -> None:
    """Move an opening that passed unused to ten minutes ahead (Note [Demo data])."""
    terms = SalePolicy.objects.get(performance_id=performance_id)
    used = Reservation.objects.filter(performance_id=performance_id).exists()
    if terms.sale_opens_at > now or used:
        return
    opens_at = now + timedelta(minutes=MINUTES_TO_OPENING)
    who = _Who(actor_id=None, reason=REASON, now=now)
    sale.set_policy(performance_id=performance_id, changes={"sale_opens_at": opens_at}, **who)
    config.set_config(
        performance_id=performance_id,
        changes={"admission_opens_at": opens_at, "state": "PRESALE"},
        **who,
    )


def _seven_pm(now: datetime, days: int) -> datetime:
    """Return 19:00, Korean time, some days from now."""
    return (now + timedelta(days=days)).replace(hour=10, minute=0, second=0, microsecond=0)


def _both(name: str, pair: tuple[str, str]) -> dict[str, str]:
    return {f"{name}_ko": pair[0], f"{name}_en": pair[1]}
