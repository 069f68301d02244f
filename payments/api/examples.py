"""Examples of requests and responses about money, for the published document."""

RESERVATION = "0199d3a0-5c1e-7c55-9d0a-2f6f1f7f0a11"
PAYMENT = {
    "id": "0199d3a1-0a4b-7e0c-8a55-1c2d3e4f5a6b",
    "status": "PAID",
    "method": "POINTS",
    "amount": {"amount": 300000, "currency": "KRW"},
    "points_amount": {"amount": 300000, "currency": "KRW"},
    "reservation": {
        "id": RESERVATION,
        "status": "CONFIRMED",
        "performance_id": "0199d39f-11aa-7b1c-9e4f-0a1b2c3d4e5f",
    },
    "created_at": "2026-11-21T11:00:00.000Z",
}
CHARGE = {
    "id": "0199d3a1-77de-7a3b-b1c2-d3e4f5a6b7c8",
    "status": "PAID",
    "amount": {"amount": 50000, "currency": "KRW"},
    "balance": {"amount": 550000, "currency": "KRW"},
    "created_at": "2026-11-21T11:00:00.000Z",
}
PAYMENT_REQUEST = {"reservation_id": RESERVATION, "method": "POINTS"}
CHARGE_REQUEST = {"amount": 50000}
