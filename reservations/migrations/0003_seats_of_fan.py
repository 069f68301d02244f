"""The count of a fan's seats: a function of the database, and the two indexes it reads.

Not atomic: the indexes of a table in use are built month by month, without locking out its writers.
Every step may run again after a failure.
"""

from django.db import migrations, models

from kernel.db.partitioned_index import AddPartitionedIndex

# What a fan has at a performance: live held and bought seats, holds to be expired, and the cap of
# earlier holds of the wanted seats. A function, so that its plan over all months is kept by the
# session; the settings make it the one plan that stays right however the tables grow: from the
# fan's few reservations, each half by an index of no more than what it looks for, to their seats.
_CREATE = """
CREATE OR REPLACE FUNCTION reservations_seats_of_fan(
    fan uuid, performance uuid, wanted uuid[], moment timestamptz,
    OUT held bigint, OUT lapsed uuid[], OUT capped_at timestamptz)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    SELECT count(*) FILTER (WHERE reservation.status = 'CONFIRMED'
                               OR reservation.expires_at > moment),
           coalesce(array_agg(DISTINCT reservation.id)
                        FILTER (WHERE reservation.status = 'PENDING'
                                  AND reservation.expires_at <= moment), '{}')
      INTO held, lapsed
      FROM reservations_reservation reservation
      JOIN reservations_reservationseat seat ON seat.reservation_id = reservation.id
     WHERE reservation.user_id = fan AND reservation.performance_id = performance
       AND reservation.status IN ('PENDING', 'CONFIRMED')
       AND seat.cancelled_at IS NULL;
    SELECT min(reservation.extendable_until)
      INTO capped_at
      FROM reservations_reservation reservation
     WHERE reservation.user_id = fan AND reservation.performance_id = performance
       AND reservation.extendable_until > moment
       AND reservation.status IN ('PENDING', 'EXPIRED', 'RELEASED')
       AND EXISTS (
            SELECT FROM (
                SELECT seat.seat_id FROM reservations_reservationseat seat
                 WHERE seat.reservation_id = reservation.id
                OFFSET 0  -- not by the seat, which all the others have held too
            ) own WHERE own.seat_id = ANY(wanted));
END $$
"""
_DROP = "DROP FUNCTION reservations_seats_of_fan(uuid, uuid, uuid[], timestamptz)"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reservations", "0002_limits_and_orphan_rule")]

    operations = [
        AddPartitionedIndex(
            model_name="reservation",
            index=models.Index(
                fields=["user", "performance", "extendable_until"], name="reservations_fan_by_cap"
            ),
        ),
        AddPartitionedIndex(
            model_name="reservation",
            index=models.Index(
                condition=models.Q(("status__in", ["PENDING", "CONFIRMED"])),
                fields=["user", "performance"],
                name="reservations_fan_live",
            ),
        ),
        migrations.RemoveIndex(model_name="reservation", name="reservations_fan_performance"),
        migrations.RunSQL(_CREATE, _DROP),
    ]
