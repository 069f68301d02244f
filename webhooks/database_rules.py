"""Why each constraint, index, trigger and function of this app's tables exists."""

RULES: dict[str, str] = {
    "webhooks_endpoint_one_owner": (
        "An endpoint is one person's or one API key's; others see nothing of it."
    ),
    "webhooks_endpoint_disabled_has_reason": (
        "A disabled endpoint says since when and why; an enabled one says neither."
    ),
    "webhooks_delivery_due": (
        "The deliveries of an endpoint to try next, the longest due first; as many as wait."
    ),
    "webhooks_delivery_in_flight": "How many deliveries of an endpoint are tried now: few rows.",
    "webhooks_delivery_of_endpoint": "The delivery log of an endpoint, newest first.",
    "webhooks_delivery_delivered_has_time": (
        "What was delivered was so at a known moment, or it was not delivered."
    ),
}
