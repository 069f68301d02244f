"""Defaults and bounds of holds; the values in force are rows of `SalePolicy`."""

HOLD_SECONDS = 300
HOLD_CAP_SECONDS = 900
PAYMENT_SECONDS = 300
MAX_SEATS_PER_FAN = 4
MAX_SEATS_PER_REQUEST = 20
