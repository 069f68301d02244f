"""The metrics of payments and charges."""

from prometheus_client import Counter

payments = Counter(
    "frontrow_payments_total",
    "Attempts to pay, by method and outcome (paid, or the code of the refusal)",
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
