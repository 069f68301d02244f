"""Why each constraint, index, trigger and function of this app's tables exists."""

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
}
