"""The numbers of tickets: their codes and QR codes, and of the door."""

from datetime import timedelta

# Crockford's base 32: no I, L, O and U, so that a code can be read out at the door.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12  # 60 bits: too many to guess
QR_AUDIENCE = "frontrow-door"  # of the old form
QR_HOURS_AFTER_START = 24
MINUTES_WHERE_UNKNOWN = 120  # of a concert whose length nobody has said, in calendars

BEFORE_DOORS = timedelta(hours=12)  # a ticket admits from then on
AFTER_START = timedelta(hours=6)  # and until then
OFFLINE_DAYS = 3  # how long ago a scan may have been that is only sent now
KEPT_AT_DOORS = timedelta(days=1)  # after the start: lists and conflicts on devices at the door
SCANS_AT_ONCE = 200
# Rows of scans that gates let in and we refused later, see Note [Refused scans] in operations.py.
REFUSED_OF_ONE_TICKET = 5  # at one gate
REFUSED_OF_UNKNOWN_CODES = 200  # at one gate
REFUSED_AT_PERFORMANCE = 5_000
GATE_LENGTH = 40
# Of a code in the admission list, see `queries.code_hash`.
CODE_HASH_DIGITS = 12
