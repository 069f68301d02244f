"""The one form in which passwords are hashed and compared.

Note [Passwords in NFKC]
Keyboards send one text in several forms: macOS decomposes Hangul, phones write full-width digits. A
password is hashed and compared in NFKC (NIST SP 800-63B, 3.1.1.2). A hash made before that rule
still opens: the text as typed is tried second, and the hash then replaced. Code that compares, or
that pretends to where there is no account, tries `forms` in this order, so that the work reveals
nothing.
"""

import unicodedata


def normalize(typed: str) -> str:
    """Return the form a password is hashed in."""
    return unicodedata.normalize("NFKC", typed)


def forms(typed: str) -> tuple[str, ...]:
    """Return the texts that a stored hash may be of, today's form first."""
    normal = normalize(typed)
    return (normal,) if normal == typed else (normal, typed)
