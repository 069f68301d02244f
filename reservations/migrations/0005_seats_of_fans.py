"""The count of several fans' seats in one call: the start of a plan over all months is shared.

The function for one fan stays for the code that still runs while this migration does.
"""

from django.db import migrations

# For each wish (a fan, a performance and `wanted[first:last]`) what migration 0003 counts for one.
# Starting a plan that opens every month's tables takes longer than reading a fan's rows by it, so
# a batch of holds starts one. The settings are those of migration 0003, for the same reason.
_CREATE = """
CREATE OR REPLACE FUNCTION reservations_seats_of_fans(
    fans uuid[], performances uuid[], wanted uuid[], firsts int[], lasts int[], moment timestamptz)
RETURNS TABLE (number bigint, held bigint, lapsed uuid[], capped_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 10
SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT wish.number, live.held, live.lapsed, earlier.capped_at
      FROM unnest(fans, performances, firsts, lasts)
           WITH ORDINALITY AS wish (fan, performance, first, last, number)
     CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE reservation.status = 'CONFIRMED'
                                       OR reservation.expires_at > moment) AS held,
                   coalesce(array_agg(DISTINCT reservation.id)
                                FILTER (WHERE reservation.status = 'PENDING'
                                          AND reservation.expires_at <= moment), '{}') AS lapsed
              FROM reservations_reservation reservation
              JOIN reservations_reservationseat seat ON seat.reservation_id = reservation.id
             WHERE reservation.user_id = wish.fan
               AND reservation.performance_id = wish.performance
               AND reservation.status IN ('PENDING', 'CONFIRMED')
               AND seat.cancelled_at IS NULL
           ) live
     CROSS JOIN LATERAL (
            SELECT min(reservation.extendable_until) AS capped_at
              FROM reservations_reservation reservation
             WHERE reservation.user_id = wish.fan
               AND reservation.performance_id = wish.performance
               AND reservation.extendable_until > moment
               AND reservation.status IN ('PENDING', 'EXPIRED', 'RELEASED')
               AND EXISTS (
                    SELECT FROM (
                        SELECT seat.seat_id FROM reservations_reservationseat seat
                         WHERE seat.reservation_id = reservation.id
                        OFFSET 0  -- not by the seat, which all the others have held too
                    ) own WHERE own.seat_id = ANY(wanted[wish.first:wish.last]))
           ) earlier
     ORDER BY wish.number;
END $$
"""
_DROP = "DROP FUNCTION reservations_seats_of_fans(uuid[], uuid[], uuid[], int[], int[], timestamptz)"


class Migration(migrations.Migration):
    dependencies = [("reservations", "0004_bounds_and_money")]

    operations = [migrations.RunSQL(_CREATE, _DROP)]
