"""The sale of a rehearsal, made in the rehearsal's own databases; and what is left of it there."""

from collections.abc import Container
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from concerts.models import Concert, Performance, Venue
from concerts.usecases import layouts, programme
from kernel.db.transaction import transaction
from proof.history.recorded import members_of
from proof.history.stores import final_state, with_events
from proof.rush.profiles import RushProfile
from proof.rush.sale_file import OPENINGS, WINDOWS, SaleFile, SaleFileInvalid, export
from queueing import policy as queue_policy
from queueing.usecases import config
from reservations.usecases import inventory, sale

FAN_PREFIX = "rush"  # of the e-mail addresses of the rehearsal's fans
_REASON = "rehearsal"
_SHORTEST_SALE = timedelta(hours=3)


class _AllConfirmed(Container[str]):
    """Answers yes to each question about unusual windows: they are moved to now on purpose."""

    def __contains__(self, key: object) -> bool:
        return True


def demo_sale(profile: RushProfile) -> SaleFile:
    """Return the demo's sale whose hall is nearest to the profile's seats, with its waiting room.

    Raises `SaleFileInvalid` where there is no demo data.
    """
    halls = Performance.objects.filter(sale_policy__isnull=False, deleted_at__isnull=True)
    counted = halls.annotate(total=Count("seats")).filter(total__gt=0).values_list("total", "pk")
    if not counted:
        raise SaleFileInvalid("there is no demo data to rehearse with")
    _, nearest = min(counted, key=lambda one: (abs(one[0] - profile.seats), str(one[1])))
    queue = {
        "queue_required": True,
        "rate_per_second": Decimal(str(profile.admitted_per_second)),
        "capacity": min(max(profile.fans, 1), queue_policy.CAPACITY_BOUNDS[1]),
    }
    made = export(nearest)
    cap = max(made.policy["hold_cap_seconds"], profile.hold_seconds)
    times = {"hold_seconds": profile.hold_seconds, "hold_cap_seconds": cap}
    return replace(made, policy=made.policy | times, queue=queue)


def seed(made: SaleFile, *, now: datetime) -> dict[str, Any]:
    """Put a sale on sale that opens now; return what the rehearsal needs to know of it.

    Raises `DomainError` where the use cases refuse its values.
    """
    windows = _moved_to(made, now)
    performance = _rows(closes_at=windows["sale_closes_at"], now=now)
    who: dict[str, Any] = {"actor_id": None, "reason": _REASON, "now": now}
    layouts.import_layout(performance_id=performance.pk, layout=made.layout, **who)
    values = made.policy | {name: windows[name] for name in WINDOWS}
    sale.create_policy(
        performance_id=performance.pk, values=values, confirmed=_AllConfirmed(), **who
    )
    if made.queue is not None:
        # Nobody here could solve what keeps programs out.
        changes = made.queue | {"abuse_check": "OFF", "state": "OPEN"}
        changes |= {name: windows[name] for name in OPENINGS}
        config.set_config(
            performance_id=performance.pk, changes=changes, confirmed=_AllConfirmed(), **who
        )
    programme.publish(concert_id=performance.concert_id, **who)
    inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=now)
    return {
        "performance_id": str(performance.pk),
        "seats": len(made.layout.seats),
        "dearest": max(grade.price for grade in made.layout.grades),
        "most_each": made.policy["max_seats_per_fan"],
        "payment_seconds": made.policy["payment_seconds"],
        "rate": None if made.queue is None else float(made.queue["rate_per_second"]),
        "capacity": None if made.queue is None else made.queue["capacity"],
    }


def _moved_to(made: SaleFile, now: datetime) -> dict[str, Any]:
    """Return the windows with the opening at `now`; the waiting room opens no later."""
    opens, closes = (made.windows[name] for name in WINDOWS)
    if opens is None or closes is None:
        raise SaleFileInvalid("the windows have no end")
    joins, admits = (made.windows[name] for name in OPENINGS)
    shift = now - opens
    return {
        "sale_opens_at": now,
        "sale_closes_at": max(closes + shift, now + _SHORTEST_SALE),
        "queue_opens_at": min(now, (joins or opens) + shift),
        "admission_opens_at": admits and now,
    }


def _rows(*, closes_at: datetime, now: datetime) -> Performance:
    with transaction():
        venue = Venue.objects.create(name_ko="리허설 공연장", name_en="Rehearsal hall")
        words = ("title", "artist", "description", "notices", "refund_policy")
        concert = Concert.objects.create(
            venue=venue,
            **{f"{name}_ko": "리허설" for name in words},
            **{f"{name}_en": "Rehearsal" for name in words},
        )
        starts_at = closes_at + timedelta(hours=1)
        return Performance.objects.create(concert=concert, starts_at=starts_at)


def what_is_left(performance_id: UUID) -> dict[str, Any]:
    """Return what the rows say of the sale, to be compared with what its fans were answered.

    `reservations`: seats and amount of each that was confirmed; `spent`: points that the fans of
    the rehearsal have less than they were given; `captured`: what their cards paid; `final`: the
    `FinalState` for the checker of histories. Raises `kafka.KafkaUnavailable` and `KafkaException`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SEATS, {"id": performance_id})
        sold, oversold, without_ticket = cursor.fetchone()
        cursor.execute(_CONFIRMED, {"id": performance_id})
        confirmed = {str(key): [seats, int(amount)] for key, seats, amount in cursor.fetchall()}
        cursor.execute(_SPENT, {"prefix": f"{FAN_PREFIX}-%"})
        [spent] = cursor.fetchone()
        cursor.execute(_CAPTURED, {"id": performance_id})
        [captured] = cursor.fetchone()
        cursor.execute(_FANS, {"prefix": f"{FAN_PREFIX}-%"})
        fans = [fan for (fan,) in cursor.fetchall()]
    return {
        "sold": sold,
        "oversold": oversold,
        "without_ticket": without_ticket,
        "reservations": confirmed,
        "spent": int(spent or 0),
        "captured": int(captured or 0),
        "final": members_of(with_events(final_state(performance_id, fans))),
    }


_SEATS = """
WITH live AS (
    SELECT held.seat_id, reservation.status
      FROM reservations_reservation reservation
      JOIN reservations_reservationseat held ON held.reservation_id = reservation.id
     WHERE reservation.performance_id = %(id)s AND held.cancelled_at IS NULL
       AND (reservation.status = 'CONFIRMED'
            OR (reservation.status = 'PENDING' AND reservation.expires_at > now()))
)
SELECT (SELECT count(*) FROM reservations_seatinventory
         WHERE performance_id = %(id)s AND status = 'RESERVED'),
       (SELECT count(*) FROM (SELECT 1 FROM live GROUP BY seat_id HAVING count(*) > 1) twice),
       (SELECT count(*) FROM live WHERE status = 'CONFIRMED' AND NOT EXISTS (
            SELECT FROM tickets_ticket ticket
             WHERE ticket.seat_id = live.seat_id AND ticket.status = 'VALID'))
"""
_CONFIRMED = """
SELECT reservation.id, array_agg(held.seat_id::text ORDER BY held.seat_id), sum(held.price)
  FROM reservations_reservation reservation
  JOIN reservations_reservationseat held ON held.reservation_id = reservation.id
 WHERE reservation.performance_id = %(id)s AND reservation.status = 'CONFIRMED'
 GROUP BY reservation.id
"""
_CAPTURED = """
SELECT sum(payment.amount - payment.points_amount)
  FROM payments_payment payment
  JOIN reservations_reservation reservation ON reservation.id = payment.reservation_id
 WHERE reservation.performance_id = %(id)s AND payment.status = 'PAID'
   AND payment.method = 'CARD'
"""
_FANS = "SELECT id FROM accounts_user WHERE email LIKE %(prefix)s"
_SPENT = """
SELECT -sum(entry.amount)
  FROM points_entry entry
  JOIN points_transfer transfer ON transfer.id = entry.transfer_id
  JOIN points_account account ON account.id = entry.account_id
  JOIN accounts_user fan ON fan.id = account.user_id
 WHERE fan.email LIKE %(prefix)s
   AND transfer.kind IN ('payment', 'payment_hold', 'payment_return', 'refund')
"""
