"""Why each constraint, index, trigger and function of this app's tables exists."""

from kernel.docs.database_rules import InSql

RULES: dict[str, str] = {
    "payments_payment.reservation_id": "The attempts to pay for a reservation.",
    "payments_payment.user_id": "A fan's payments, in the admin.",
    "payments_payment_live_unique": (
        "A reservation has at most one attempt through which money may have moved."
    ),
    "payments_payment_request_unique": (
        "A request makes one payment; a repeated request finds it by this key."
    ),
    "payments_payment_points_fit": (
        "Points pay all of a payment by points, and at most all of any other."
    ),
    "payments_payment_paid_has_time": "A payment has a time of payment if and only if it is paid.",
    "payments_charge.user_id": "A fan's charges, in the admin.",
    "payments_charge_request_unique": (
        "A request makes one charge; a repeated request finds it by this key."
    ),
    "payments_charge_positive": "A charge buys points; it never takes them.",
    "payments_charge_paid_has_time": "A charge has a time of payment if and only if it is paid.",
    "payments_payment_order_unique": (
        "An order of the gateway pays for one payment, and is found by its id."
    ),
    "payments_payment_order_at_gateway": (
        "What goes through a gateway has an order there, all else none."
    ),
    "payments_payment_open_is_resolved": (
        "Nothing that a gateway has still to answer is forgotten: it says when to ask next."
    ),
    "payments_payment_requested_has_time": "What was asked of a gateway says when.",
    "payments_payment_failure_is_final": (
        "A reason of failure belongs to what has ended without money."
    ),
    "payments_payment_status_known": "No state is written that the code does not know.",
    "payments_payment_due": "What the reconciler has to look up next.",
    "payments_charge_order_unique": (
        "An order of the gateway pays for one charge, and is found by its id."
    ),
    "payments_charge_order_at_gateway": (
        "What goes through a gateway has an order there, all else none."
    ),
    "payments_charge_open_is_resolved": (
        "Nothing that a gateway has still to answer is forgotten: it says when to ask next."
    ),
    "payments_charge_requested_has_time": "What was asked of a gateway says when.",
    "payments_charge_failure_is_final": (
        "A reason of failure belongs to what has ended without money."
    ),
    "payments_charge_status_known": "No state is written that the code does not know.",
    "payments_charge_due": "What the reconciler has to look up next.",
    "payments_refund.payment_id": "The refunds of a payment.",
    "payments_refund_request_unique": (
        "A request makes one refund, and the gateway gives the money back once for its key."
    ),
    "payments_refund_parts_fit": "A refund gives something back, and points at most all of it.",
    "payments_refund_status_known": "No state is written that the code does not know.",
    "payments_refund_done_has_time": "A refund has a time if and only if the money is back.",
    "payments_refund_open_is_resolved": (
        "A refund that is under way says when to ask next, and one that has ended does not."
    ),
    "payments_refund_policy_unique": (
        "A performance has one fee table at most, and all others together have one."
    ),
    "payments_cancellation.payment_id": "The cancellations of a payment.",
    "payments_cancellation_request_unique": (
        "A request gives seats up once; a repeated request finds it by this key."
    ),
    "payments_cancellation_parts_fit": (
        "A fee is at most what was paid, and the points given back at most the refund."
    ),
    "payments_offer.payment_id": "Late money is offered other seats once.",
    "payments_offer.reservation_id": "A hold of seats on offer belongs to one offer.",
    "payments_offer.instead_of_id": "The offers in place of a reservation.",
    "payments_offer_closed_has_time": "An offer has an end if and only if it has ended.",
    "payments_offer_one_of_reservation": (
        "Only one offer in place of a reservation is open or accepted."
    ),
    "payments_offer_due": "The offers whose time has passed.",
    "payments_notice_once": "One row for all deliveries of a gateway's webhook.",
    "payments_notice_unhandled": "The webhooks whose orders are still to be looked up.",
    "payments_refund_due": "The refunds that the reconciler has to carry on with.",
}
IN_SQL = {
    "payments_refund_within_captured": InSql(
        table="payments_refund",
        kind="trigger",
        serves=(
            "The refunds of a payment never exceed what it captured, by every way of writing: the "
            "trigger locks the payment and then counts."
        ),
    ),
}
