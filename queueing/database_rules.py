"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "queueing_config_joins_before_admission": "Nobody is admitted before the queue opens.",
    "queueing_config_rate_bounds": (
        "The admission rate stays within what the functions can count exactly."
    ),
    "queueing_config_capacity_bounds": (
        "The capacity stays within what the functions and the database have been tried with."
    ),
    "queueing_config_grace_bounds": "An admitted fan has a sensible time to come.",
    "queueing_config_session_bounds": "A session ends, and is long enough to buy in.",
    "queueing_config_state_known": (
        "The functions know every state; a room in another would answer nobody."
    ),
    "queueing_config_abuse_check_known": (
        "The functions know every abuse check; an unknown one would check nothing."
    ),
    "queueing_config_work_bits_bounds": (
        "A proof of work is feasible on a telephone and worth demanding."
    ),
    "queueing_progress_serving_within_ceiling": (
        "Nobody is admitted whose number was not reserved in PostgreSQL (Note [Epochs])."
    ),
    "queueing_progress_due": (
        "The tick takes the rooms that are due, the longest overdue first (Note [Ticks])."
    ),
    "queueing_draw_committed_before_beacon": (
        "Who chose the seed could not know the beacon's value (Note [Beacons])."
    ),
    "queueing_draw_beacon_announced_before_value": (
        "A value is that of a beacon that was announced before it existed (Note [Beacons])."
    ),
    "queueing_invitation.performance_id": "The invitations of a performance, in the admin.",
    "queueing_invitation_uses_limited": (
        "An invitation admits no more people than staff allowed, even when two use it at once."
    ),
    "queueing_invitationuse.invitation_id": (
        "Django's own; the unique index on (invitation, user) serves the same queries."
    ),
    "queueing_invitation_once_a_person": (
        "A person uses an invitation once; joining again looks this row up and costs no use."
    ),
}
