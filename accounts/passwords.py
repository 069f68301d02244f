"""What counts as the same password.

Note [Passwords in NFKC]
Keyboards send one text in several forms: macOS decomposes Hangul, phones write full-width digits.
A password is hashed and compared in NFKC (NIST SP 800-63B, 3.1.1.2). A hash made before that rule
still opens: the text as typed is tried second, and the hash then replaced. Whoever compares, or
pretends to, for nobody's account, tries `forms` in this order, so that the work says nothing.
"""

import unicodedata


def normalize(typed: str) -> str:
    """Return the form a password is hashed in."""
    return unicodedata.normalize("NFKC", typed)


def forms(typed: str) -> tuple[str, ...]:
    """Return what a stored hash may have been made of, today's form first."""
    normal = normalize(typed)
    return (normal,) if normal == typed else (normal, typed)
