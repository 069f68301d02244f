"""The metrics of payments and charges."""

from prometheus_client import Counter, Histogram

payments = Counter(
    "frontrow_payments_total",
    "Attempts to pay, by method and outcome (paid, or why not)",
    ["method", "outcome"],
)
gone_alone = Counter(
    "frontrow_payments_gone_alone_total",
    "Payments of a batch that were settled in their own transaction",
)
charges = Counter(
    "frontrow_points_charges_total",
    "Attempts to buy points, by outcome (paid, or the code of the refusal)",
    ["outcome"],
)
gateway_calls = Counter(
    "frontrow_gateway_calls_total",
    "Calls of the payment gateway, by call and outcome (replied, refused, not_sent, unknown)",
    ["call", "outcome"],
)
gateway_seconds = Histogram(
    "frontrow_gateway_seconds",
    "How long a call of the payment gateway took, its retries included",
    ["call"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40),
)
mismatches = Counter(
    "frontrow_payment_mismatches_total",
    "Payments of a gateway that are not the order or the amount that was asked for",
)
look_ups = Counter(
    "frontrow_payment_look_ups_total",
    "Look-ups of the reconciler, by outcome (what the fan sees then, not_sent, error)",
    ["outcome"],
)
refunds = Counter(
    "frontrow_refunds_total",
    "Refunds that a gateway was asked for, by outcome (done, unknown, refused, not_sent)",
    ["outcome"],
)
offers = Counter(
    "frontrow_offers_total",
    "Offers of other seats for late money, by outcome (made, accepted, declined, lapsed)",
    ["outcome"],
)
webhooks = Counter(
    "frontrow_payment_webhooks_total",
    "Webhooks of the payment gateway, by outcome (received, or the code of the refusal)",
    ["outcome"],
)
