"""Examples of requests and responses about money, for the published document."""

from typing import Any

RESERVATION = "0199d3a0-5c1e-7c55-9d0a-2f6f1f7f0a11"
PAYMENT: dict[str, Any] = {
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
    "offer": None,
}
_ORDER = "pay-4f1c2b7d9e0a4f1c2b7d9e0a4f1c2b7d9e0a4f1c"
PAYMENT_TO_PAY = {
    **PAYMENT,
    "status": "REQUIRES_ACTION",
    "method": "CARD",
    "points_amount": {"amount": 50000, "currency": "KRW"},
    "reservation": {**PAYMENT["reservation"], "status": "PENDING"},
    "checkout_url": f"https://pay.example/{_ORDER}",
    "order_id": _ORDER,
}
PAYMENT_FAILED = {
    **PAYMENT,
    "status": "FAILED",
    "method": "CARD",
    "points_amount": {"amount": 0, "currency": "KRW"},
    "reservation": {**PAYMENT["reservation"], "status": "PENDING"},
    "failure": {"code": "card_declined", "message": "The card was declined.", "charged": False},
}
PAYMENT_OFFERED = {
    **PAYMENT,
    "status": "PROCESSING",
    "method": "CARD",
    "points_amount": {"amount": 0, "currency": "KRW"},
    "reservation": {**PAYMENT["reservation"], "status": "EXPIRED"},
    "offer": {
        "reservation_id": "0199d3a3-2d6f-7a3b-9c1d-4e5f6a7b8c9d",
        "seats": [
            {
                "id": "0199d3a0-6b2f-7d10-8e1b-3a5c7d9f1b2e",
                "section": "A",
                "row": "4",
                "number": str(number),
                "price": {"amount": 150000, "currency": "KRW"},
            }
            for number in (11, 12)
        ],
        "until": "2026-11-21T11:10:00.000Z",
    },
}
CARD_REQUEST = {
    "reservation_id": RESERVATION,
    "method": "CARD",
    "points_amount": 50000,
    "return_url": "https://shop.example/paid",
}
CONFIRM_REQUEST = {"payment_key": "5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1"}
CHARGE = {
    "id": "0199d3a1-77de-7a3b-b1c2-d3e4f5a6b7c8",
    "status": "PAID",
    "amount": {"amount": 50000, "currency": "KRW"},
    "balance": {"amount": 550000, "currency": "KRW"},
    "created_at": "2026-11-21T11:00:00.000Z",
}
PAYMENT_REQUEST = {"reservation_id": RESERVATION, "method": "POINTS"}
CHARGE_REQUEST = {"amount": 50000}
_SEAT = "0199d3a0-6b2f-7d10-8e1b-3a5c7d9f1b2d"
QUOTE = {
    "allowed_until": "2026-12-23T10:00:00.000Z",
    "per_seat": [
        {
            "seat_id": _SEAT,
            "paid": {"amount": 150000, "currency": "KRW"},
            "fee": {"amount": 15000, "currency": "KRW"},
            "refund": {"amount": 135000, "currency": "KRW"},
        }
    ],
}
CANCEL_REQUEST = {"seat_ids": [_SEAT]}
CANCELLATION = {
    "id": "0199d3a2-1b5c-7f1d-9b66-2d3e4f5a6b7c",
    "status": "DONE",
    "reservation": PAYMENT["reservation"],
    "seat_ids": [_SEAT],
    "paid": {"amount": 150000, "currency": "KRW"},
    "fee": {"amount": 15000, "currency": "KRW"},
    "refund": {"amount": 135000, "currency": "KRW"},
    "points_amount": {"amount": 135000, "currency": "KRW"},
    "created_at": "2026-12-14T11:00:00.000Z",
}
