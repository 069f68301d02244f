"""The bounds of payments and charges."""

CHARGE_MINIMUM = 1_000  # KRW
CHARGE_MAXIMUM = 2_000_000  # KRW, of one charge
RETURN_URL_LENGTH = 2_000
PAYMENTS_PER_BATCH = 64
