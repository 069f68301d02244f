"""The alphabet and the length of ticket codes."""

# Crockford's base 32: no I, L, O and U, so that a code can be read out at the door.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12  # 60 bits: too many to guess
QR_AUDIENCE = "frontrow-door"
QR_HOURS_AFTER_START = 24
